/** The Pod as stored after a decision of the scheduler: bound, or with the reason why not. */
import { transitionTime, withConditions } from '../schemas/conditions.ts';
import type { Pod, PodCondition } from '../schemas/types.ts';
import type { Binding, Rejection } from './plan-placement.ts';

export function bindPod({ pod, nodeName }: Binding, nowMs: number): Pod {
  const bound = withVerdict(pod, { status: 'True' }, nowMs);
  return { ...bound, spec: { ...pod.spec, nodeName } };
}

/** Undefined if the pod says so already: a waiting pod costs no writes. */
export function rejectPod({ pod, reason, message }: Rejection, nowMs: number): Pod | undefined {
  const current = pod.status?.conditions?.find((condition) => condition.type === 'PodScheduled');
  if (current?.status === 'False' && current.reason === reason && current.message === message)
    return undefined;
  return withVerdict(pod, { status: 'False', reason, message }, nowMs);
}

function withVerdict(pod: Pod, verdict: Omit<PodCondition, 'type'>, nowMs: number): Pod {
  const condition = { type: 'PodScheduled', ...verdict };
  const { conditions } = pod.status ?? {};
  const lastTransitionTime = transitionTime(conditions, condition, nowMs);
  const next = { lastProbeTime: null, lastTransitionTime, ...condition };
  const status = { phase: 'Pending', ...pod.status, conditions: withConditions(conditions, [next]) };
  return { ...pod, status: status as NonNullable<Pod['status']> };
}
