/** The Pod as stored after a decision of the scheduler: bound, or with the reason why not. */
import { toRfc3339 } from '../base/clock.ts';
import type { Pod, PodCondition } from '../schemas/types.ts';
import type { Binding, Rejection } from './plan-placement.ts';

export function bindPod({ pod, nodeName }: Binding, nowMs: number): Pod {
  const bound = withCondition(pod, { type: 'PodScheduled', status: 'True' }, nowMs);
  return { ...bound, spec: { ...pod.spec, nodeName } };
}

/** Undefined if the pod says so already: a waiting pod costs no writes. */
export function rejectPod({ pod, reason, message }: Rejection, nowMs: number): Pod | undefined {
  const current = pod.status?.conditions?.find((condition) => condition.type === 'PodScheduled');
  if (current?.status === 'False' && current.reason === reason && current.message === message)
    return undefined;
  return withCondition(pod, { type: 'PodScheduled', status: 'False', reason, message }, nowMs);
}

function withCondition(pod: Pod, condition: PodCondition, nowMs: number): Pod {
  const conditions = pod.status?.conditions ?? [];
  const current = conditions.find((other) => other.type === condition.type);
  const since = current?.status === condition.status ? current.lastTransitionTime : undefined;
  const next = { lastProbeTime: null, lastTransitionTime: since ?? toRfc3339(nowMs), ...condition };
  return {
    ...pod,
    status: {
      phase: 'Pending',
      ...pod.status,
      conditions: [...conditions.filter((other) => other.type !== condition.type), next],
    } as NonNullable<Pod['status']>,
  };
}
