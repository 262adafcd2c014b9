import { asLabelSelector } from '../../schemas/values/selectors.ts';
import type { ReplicaSet } from '../../schemas/types.ts';
import { since } from './duration.ts';
import { ageColumn, column, nameColumn, type TableFormat } from './types.ts';
import { templateCells, templateColumns } from './workload-columns.ts';

/** Of ReplicaSets, and of ReplicationControllers, which show the same. */
export const replicaSetTable: TableFormat = {
  columns: [
    nameColumn,
    column('Desired', { type: 'integer' }),
    column('Current', { type: 'integer' }),
    column('Ready', { type: 'integer' }),
    ageColumn,
    ...templateColumns,
  ],
  cells(object, nowMs) {
    const { metadata, spec, status } = object as ReplicaSet;
    return [
      metadata.name,
      spec.replicas ?? 0,
      status?.replicas ?? 0,
      status?.readyReplicas ?? 0,
      since(metadata.creationTimestamp, nowMs),
      ...templateCells(spec.template, asLabelSelector(object, spec.selector)),
    ];
  },
};
