/** Quality of service and what the kubelet makes of it: OOM score and cgroup values. Pure. */
import { toBytes, toMilli } from '../../schemas/values/quantity.ts';
import type { Container, Pod } from '../../schemas/types.ts';

export type QosClass = 'Guaranteed' | 'Burstable' | 'BestEffort';

/** kubernetes.io, "Pod Quality of Service Classes": init containers count, too. */
export function qosClassOf(pod: Pod): QosClass {
  const all = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])];
  let some = false;
  let guaranteed = true;
  for (const { resources } of all) {
    for (const name of ['cpu', 'memory']) {
      const limit = toMilli(resources?.limits?.[name]);
      const request = toMilli(resources?.requests?.[name] ?? resources?.limits?.[name]);
      if (limit > 0 || request > 0) some = true;
      if (limit === 0 || request !== limit) guaranteed = false;
    }
  }
  if (!some) return 'BestEffort';
  return guaranteed ? 'Guaranteed' : 'Burstable';
}

const GUARANTEED_OOM_SCORE = -997;
const BEST_EFFORT_OOM_SCORE = 1000;
const NODE_CRITICAL_PRIORITY = 2_000_001_000;

/**
 * A container that requests more of the node's memory is killed later. The score is always between
 * those of the other two classes.
 */
export function oomScoreOf(pod: Pod, container: Container, nodeMemoryBytes: number): number {
  if ((pod.spec.priority ?? 0) >= NODE_CRITICAL_PRIORITY) return GUARANTEED_OOM_SCORE;
  switch (qosClassOf(pod)) {
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
