/**
 * The steps between a request and the store: the rules of Kubernetes' generic registry. Pure.
 * The API server, the controllers and the sync worker all write through these three functions.
 */
export {
  FOREGROUND_FINALIZER,
  isFullyReleased,
  NAMESPACE_FINALIZER,
  ORPHAN_FINALIZER,
  planDelete,
} from './plan-delete.ts';
export { prepareCreate } from './prepare-create.ts';
export { prepareUpdate } from './prepare-update.ts';
export { createStorageFormat, plainFormat, type StorageFormat } from './storage-format.ts';
export type {
  CreateContext,
  DeleteOptions,
  DeletePlan,
  PlanDelete,
  PrepareCreate,
  PrepareUpdate,
  UpdateContext,
} from './types.ts';
