import { AGE, column, NAME, tableOf } from '../tables/columns.ts';
import { templateColumns } from '../tables/workload-columns.ts';
import type { Deployment } from '../types.ts';
import { part } from '../defaults/draft.ts';
import { defaultDeploymentSpec } from '../defaults/workloads.ts';
import { validateDeployment, validateSelectorUpdate } from '../validation/workloads.ts';
import { validateDeploymentStatus } from '../validation/workload-status.ts';
import { defineKind } from './define-kind.ts';

export const deploymentKind = defineKind({
  group: 'apps',
  kind: 'Deployment',
  shortNames: ['deploy'],
  categories: ['all'],
  subresources: ['scale', 'status'],
  hasScale: true,
  applyOrder: 140,
  countsGeneration: true,
  table: tableOf(
    NAME,
    column('Ready', ({ spec, status }: Deployment) => `${status?.readyReplicas ?? 0}/${spec.replicas ?? 0}`, {
      description: 'Number of the pod with ready state',
    }),
    column('Up-to-date', ({ status }: Deployment) => status?.updatedReplicas ?? 0),
    column('Available', ({ status }: Deployment) => status?.availableReplicas ?? 0),
    AGE,
    ...templateColumns,
  ),
  fillDefaults: (draft) => defaultDeploymentSpec(part(draft, 'spec')),
  initialStatus: () => ({}),
  validate: validateDeployment,
  validateUpdate: validateSelectorUpdate,
  validateStatus: validateDeploymentStatus,
});
