import { replicaSetTable } from '../tables/workload-columns.ts';
import { textFields } from '../values/field-selectors.ts';
import { part } from '../defaults/draft.ts';
import { defaultReplicaSetSpec } from '../defaults/workloads.ts';
import { validateReplicaSet, validateSelectorUpdate } from '../validation/workloads.ts';
import { validateReplicasStatus } from '../validation/workload-status.ts';
import { defineKind } from './define-kind.ts';

export const replicaSetKind = defineKind({
  group: 'apps',
  kind: 'ReplicaSet',
  shortNames: ['rs'],
  categories: ['all'],
  subresources: ['scale', 'status'],
  hasScale: true,
  applyOrder: 130,
  countsGeneration: true,
  table: replicaSetTable,
  selectable: textFields('status.replicas'),
  fillDefaults: (draft) => defaultReplicaSetSpec(part(draft, 'spec')),
  initialStatus: () => ({ replicas: 0 }),
  validate: validateReplicaSet,
  validateUpdate: validateSelectorUpdate,
  validateStatus: validateReplicasStatus,
});
