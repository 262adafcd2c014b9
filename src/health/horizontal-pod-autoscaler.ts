/**
 * Autoscalers, as Argo CD assesses them: the first condition with a verdict decides. The
 * older version of the kind has its conditions in an annotation.
 */
import { isRecord } from '../base/json.ts';
import { asList } from '../schemas/json-access.ts';
import type { KubeObject } from '../schemas/object.ts';
import { recordsAt, textAt } from './fields.ts';
import { type Assessor, degraded, type Health, healthy, progressing } from './types.ts';

const CONDITIONS_ANNOTATION = 'autoscaling.alpha.kubernetes.io/conditions';

const DEGRADED: ReadonlySet<string> = new Set([
  'AbleToScale/FailedGetScale',
  'AbleToScale/FailedUpdateScale',
  'ScalingActive/FailedGetResourceMetric',
  'ScalingActive/InvalidSelector',
]);
const HEALTHY: ReadonlySet<string> = new Set(['AbleToScale', 'ScalingLimited']);

export const assessAutoscaler: Assessor = (object): Health => {
  for (const condition of conditionsOf(object)) {
    const type = textAt(condition, 'type');
    if (DEGRADED.has(`${type}/${textAt(condition, 'reason')}`)) return degraded(textAt(condition, 'message'));
    if (HEALTHY.has(type) && textAt(condition, 'status') === 'True') return healthy;
  }
  return progressing('Waiting to Autoscale');
};

function conditionsOf({ status, metadata }: KubeObject): readonly unknown[] {
  const conditions = recordsAt(status, 'conditions');
  if (conditions.length > 0) return conditions;
  try {
    return asList(JSON.parse(metadata.annotations?.[CONDITIONS_ANNOTATION] ?? '[]')).filter(isRecord);
  } catch {
    return [];
  }
}
