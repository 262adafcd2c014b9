import { autoscalerTable } from './table.ts';
import { defaultAutoscaler } from './defaults.ts';
import { validateAutoscaler, validateAutoscalerStatus } from './validation.ts';
import { defineKind } from '../define-kind.ts';

/** The definition that both versions share. */
export const AUTOSCALER = {
  group: 'autoscaling',
  kind: 'HorizontalPodAutoscaler',
  shortNames: ['hpa'],
  categories: ['all'],
  subresources: ['status'],
  applyOrder: 142,
} as const;

/** The form in which the store keeps the objects; `kind-v1.ts` is the other one. */
export const horizontalPodAutoscalerKind = defineKind({
  ...AUTOSCALER,
  version: 'v2',
  table: autoscalerTable,
  lenient: ['spec', 'spec.maxReplicas', 'spec.scaleTargetRef'],
  fillDefaults: defaultAutoscaler,
  initialStatus: () => ({ desiredReplicas: 0, currentMetrics: null }),
  validate: validateAutoscaler,
  validateStatus: validateAutoscalerStatus,
});
