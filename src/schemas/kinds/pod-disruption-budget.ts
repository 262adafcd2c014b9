import { validateDisruptionBudget } from '../validation/disruption-budget.ts';
import { dns1123Subdomain } from '../validation/names.ts';
import { defineKind } from './define-kind.ts';

export const podDisruptionBudgetKind = defineKind({
  group: 'policy',
  kind: 'PodDisruptionBudget',
  plural: 'poddisruptionbudgets',
  shortNames: ['pdb'],
  subresources: ['status'],
  applyOrder: 30,
  countsGeneration: true,
  nameRule: dns1123Subdomain,
  initialStatus: () => ({ disruptionsAllowed: 0, currentHealthy: 0, desiredHealthy: 0, expectedPods: 0 }),
  validate: validateDisruptionBudget,
});
