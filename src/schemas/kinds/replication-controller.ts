import { replicaSetTable } from '../tables/workload-columns.ts';
import { textFields } from '../values/field-selectors.ts';
import { part } from '../defaults/draft.ts';
import { defaultReplicationController } from '../defaults/workloads.ts';
import { validateReplicationController } from '../validation/workloads.ts';
import { validateReplicasStatus } from '../validation/workload-status.ts';
import { defineKind } from './define-kind.ts';

/** The predecessor of the ReplicaSet. Its selector is a plain map of labels. */
export const replicationControllerKind = defineKind({
  group: '',
  kind: 'ReplicationController',
  shortNames: ['rc'],
  categories: ['all'],
  subresources: ['scale', 'status'],
  hasScale: true,
  orphansByDefault: true,
  applyOrder: 125,
  countsGeneration: true,
  table: replicaSetTable,
  selectable: textFields('status.replicas'),
  fillDefaults: (draft) => defaultReplicationController(draft, part(draft, 'spec')),
  initialStatus: () => ({ replicas: 0 }),
  validate: validateReplicationController,
  validateStatus: validateReplicasStatus,
});
