/** A container's OOM score and cgroup values, as the kubelet sets them. Pure. */
import { qosClass } from '../../schemas/pods/pod-resources.ts';
import { toBytes, toMilli } from '../../schemas/values/quantity.ts';
import type { Container, Pod } from '../../schemas/types.ts';

const GUARANTEED_OOM_SCORE = -997;
const BEST_EFFORT_OOM_SCORE = 1000;
const NODE_CRITICAL_PRIORITY = 2_000_001_000;

/** A higher request is killed later. The score is always between those of the other classes. */
export function oomScoreOf(pod: Pod, container: Container, nodeMemoryBytes: number): number {
  if ((pod.spec.priority ?? 0) >= NODE_CRITICAL_PRIORITY) return GUARANTEED_OOM_SCORE;
  switch (qosClass(pod.spec)) {
    case 'Guaranteed':
      return GUARANTEED_OOM_SCORE;
    case 'BestEffort':
      return BEST_EFFORT_OOM_SCORE;
    case 'Burstable': {
      const request = toBytes(container.resources?.requests?.['memory'] ?? 0);
      const score = 1000 - Math.trunc((1000 * request) / Math.max(1, nodeMemoryBytes));
      return Math.min(999, Math.max(1000 + GUARANTEED_OOM_SCORE, score));
    }
  }
}

const MIN_SHARES = 2;
const MAX_SHARES = 262_144;
const PERIOD_MICROS = 100_000;
const MIN_QUOTA_MICROS = 1_000;

export interface CgroupValues {
  readonly cpuShares: number;
  readonly cpuQuotaMicros?: number;
  readonly cpuPeriodMicros?: number;
  readonly memoryBytes?: number;
}

export function cgroupValuesOf(container: Container): CgroupValues {
  const limitMilli = toMilli(container.resources?.limits?.['cpu']);
  const requestMilli = toMilli(
    container.resources?.requests?.['cpu'] ?? container.resources?.limits?.['cpu'],
  );
  const memoryBytes = toBytes(container.resources?.limits?.['memory']);
  const shares = Math.trunc((requestMilli * 1024) / 1000);
  return {
    cpuShares: Math.min(MAX_SHARES, Math.max(MIN_SHARES, shares)),
    ...(limitMilli > 0
      ? {
          cpuQuotaMicros: Math.max(MIN_QUOTA_MICROS, Math.trunc((limitMilli * PERIOD_MICROS) / 1000)),
          cpuPeriodMicros: PERIOD_MICROS,
        }
      : {}),
    ...(memoryBytes > 0 ? { memoryBytes } : {}),
  };
}
