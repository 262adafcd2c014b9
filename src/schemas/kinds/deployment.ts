import { part } from '../defaults/draft.ts';
import { defaultDeploymentSpec } from '../defaults/workloads.ts';
import { dns1123Subdomain } from '../validation/names.ts';
import { validateDeployment, validateSelectorUpdate } from '../validation/workloads.ts';
import { validateDeploymentStatus } from '../validation/workload-status.ts';
import { defineKind } from './define-kind.ts';

export const deploymentKind = defineKind({
  group: 'apps',
  kind: 'Deployment',
  plural: 'deployments',
  shortNames: ['deploy'],
  categories: ['all'],
  subresources: ['scale', 'status'],
  hasScale: true,
  applyOrder: 140,
  countsGeneration: true,
  nameRule: dns1123Subdomain,
  fillDefaults: (draft) => defaultDeploymentSpec(part(draft, 'spec')),
  initialStatus: () => ({}),
  validate: validateDeployment,
  validateUpdate: validateSelectorUpdate,
  validateStatus: validateDeploymentStatus,
});
