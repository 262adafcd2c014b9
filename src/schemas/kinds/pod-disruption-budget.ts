import { validateDisruptionBudget, validateDisruptionBudgetStatus } from '../validation/disruption-budget.ts';
import { pathSegment } from '../validation/names.ts';
import { defineKind } from './define-kind.ts';

export const podDisruptionBudgetKind = defineKind({
  group: 'policy',
  kind: 'PodDisruptionBudget',
  plural: 'poddisruptionbudgets',
  shortNames: ['pdb'],
  subresources: ['status'],
  applyOrder: 30,
  countsGeneration: true,
  // Upstream's validation of budgets does not look at the metadata.
  nameRule: pathSegment,
  anyFinalizer: true,
  initialStatus: () => ({ disruptionsAllowed: 0, currentHealthy: 0, desiredHealthy: 0, expectedPods: 0 }),
  validate: validateDisruptionBudget,
  validateStatus: validateDisruptionBudgetStatus,
});
