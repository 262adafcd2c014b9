import type { Deployment } from '../../schemas/types.ts';
import { since } from './duration.ts';
import { ageColumn, column, nameColumn, type TableFormat } from './types.ts';
import { templateCells, templateColumns } from './workload-columns.ts';

export const deploymentTable: TableFormat = {
  columns: [
    nameColumn,
    column('Ready', { description: 'Number of the pod with ready state' }),
    column('Up-to-date'),
    column('Available'),
    ageColumn,
    ...templateColumns,
  ],
  cells(object, nowMs) {
    const { metadata, spec, status } = object as Deployment;
    return [
      metadata.name,
      `${status?.readyReplicas ?? 0}/${spec.replicas ?? 0}`,
      status?.updatedReplicas ?? 0,
      status?.availableReplicas ?? 0,
      since(metadata.creationTimestamp, nowMs),
      ...templateCells(spec.template, spec.selector),
    ];
  },
};
