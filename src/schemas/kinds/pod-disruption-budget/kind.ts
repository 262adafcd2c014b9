import { AGE, column, NAME, tableOf } from '../../tables/columns.ts';
import { asNumber, asRecord } from '../../json-access.ts';
import { validateDisruptionBudget, validateDisruptionBudgetStatus } from './validation.ts';
import { pathSegment } from '../../validation/names.ts';
import { defineKind } from '../define-kind.ts';

export const podDisruptionBudgetKind = defineKind({
  group: 'policy',
  kind: 'PodDisruptionBudget',
  shortNames: ['pdb'],
  subresources: ['status'],
  applyOrder: 30,
  countsGeneration: true,
  // Upstream's validation of budgets ignores the metadata.
  nameRule: pathSegment,
  table: tableOf(
    NAME,
    column('Min Available', ({ spec }) => amountText(asRecord(spec)['minAvailable'])),
    column('Max Unavailable', ({ spec }) => amountText(asRecord(spec)['maxUnavailable'])),
    column('Allowed Disruptions', ({ status }) => asNumber(asRecord(status)['disruptionsAllowed']) ?? 0, {
      type: 'integer',
    }),
    AGE,
  ),
  anyFinalizer: true,
  initialStatus: () => ({ disruptionsAllowed: 0, currentHealthy: 0, desiredHealthy: 0, expectedPods: 0 }),
  validate: validateDisruptionBudget,
  validateStatus: validateDisruptionBudgetStatus,
});

function amountText(value: unknown): string {
  return typeof value === 'number' || typeof value === 'string' ? `${value}` : 'N/A';
}
