/**
 * What happens to an object between a request and the store: the rules of Kubernetes' generic registry, pure.
 * The API server, the controllers and the sync worker all write through these three functions.
 */
export {
  FOREGROUND_FINALIZER,
  isFullyReleased,
  NAMESPACE_FINALIZER,
  ORPHAN_FINALIZER,
  planDelete,
} from './strategy/plan-delete.ts';
export { prepareCreate } from './strategy/prepare-create.ts';
export { prepareUpdate } from './strategy/prepare-update.ts';
export { withStoredDefaults } from './strategy/stored-defaults.ts';
export type {
  CreateContext,
  DeleteOptions,
  DeletePlan,
  PlanDelete,
  PrepareCreate,
  PrepareUpdate,
  UpdateContext,
} from './strategy/types.ts';
