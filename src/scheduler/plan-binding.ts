/** The Pod as stored after a decision of the scheduler: bound, or with the reason why not. */
import { transitionTime, withConditions } from '../schemas/conditions.ts';
import type { Pod, PodCondition } from '../schemas/types.ts';
import { keyOf } from '../schemas/object.ts';
import type { Binding, PlacementPlan, Rejection } from './plan-placement.ts';

function bindPod({ pod, nodeName }: Binding, nowMs: number): Pod {
  const bound = withVerdict(pod, { status: 'True' }, nowMs);
  return { ...bound, spec: { ...pod.spec, nodeName } };
}

/** Undefined if the pod says so already: a waiting pod costs no writes. */
function rejectPod({ pod, reason, message }: Rejection, nowMs: number): Pod | undefined {
  const current = pod.status?.conditions?.find((condition) => condition.type === 'PodScheduled');
  if (current?.status === 'False' && current.reason === reason && current.message === message)
    return undefined;
  const { generation } = pod.metadata;
  const observed = generation === undefined ? {} : { observedGeneration: generation };
  return withVerdict(pod, { status: 'False', reason, message, ...observed }, nowMs);
}

function withVerdict(pod: Pod, verdict: Omit<PodCondition, 'type'>, nowMs: number): Pod {
  const condition = { type: 'PodScheduled', ...verdict };
  const { conditions } = pod.status ?? {};
  const lastTransitionTime = transitionTime(conditions, condition, nowMs);
  const next = { lastProbeTime: null, lastTransitionTime, ...condition };
  const status = { phase: 'Pending', ...pod.status, conditions: withConditions(conditions, [next]) };
  return { ...pod, status: status as NonNullable<Pod['status']> };
}

export interface SchedulingEvent {
  readonly pod: Pod;
  readonly type: 'Normal' | 'Warning';
  readonly reason: 'Scheduled' | 'FailedScheduling';
  readonly message: string;
}

export interface PlacementWrite {
  readonly verb: 'update';
  readonly subresource: 'binding' | 'status';
  readonly object: Pod;
  readonly seen: Pod;
  readonly event: SchedulingEvent;
}

export function placementWrites(
  { bindings, rejections }: PlacementPlan,
  nowMs: number,
): readonly PlacementWrite[] {
  const bound = bindings.map((binding): PlacementWrite => {
    const { pod, nodeName } = binding;
    const message = `Successfully assigned ${keyOf(pod)} to ${nodeName}`;
    const event: SchedulingEvent = { pod, type: 'Normal', reason: 'Scheduled', message };
    return { verb: 'update', subresource: 'binding', object: bindPod(binding, nowMs), seen: pod, event };
  });
  const rejected = rejections.flatMap((rejection): readonly PlacementWrite[] => {
    const pod = rejectPod(rejection, nowMs);
    if (!pod) return [];
    const { message } = rejection;
    const event: SchedulingEvent = { pod, type: 'Warning', reason: 'FailedScheduling', message };
    return [{ verb: 'update', subresource: 'status', object: pod, seen: rejection.pod, event }];
  });
  return [...bound, ...rejected];
}
