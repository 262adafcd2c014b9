/** The statuses that the fake kubelet gives a pod, pure. */
import { toRfc3339 } from '../../../src/base/clock.ts';
import type { Pod, PodCondition } from '../../../src/schemas/types.ts';
import { annotation } from './annotations.ts';

/** The recorded scheduler said it so, with five nodes. */
const UNBOUND = '0/5 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found';
/** Addresses in one network: .0 and .255 are left out. */
const HOSTS = 254;

export const addressAt = (index: number): string =>
  `10.1.${Math.floor(index / HOSTS)}.${(index % HOSTS) + 1}`;

function condition(
  type: string,
  status: 'True' | 'False',
  nowMs: number,
  more: Partial<PodCondition> = {},
): PodCondition {
  return { type, status, lastProbeTime: null as never, lastTransitionTime: toRfc3339(nowMs), ...more };
}

export interface Running {
  readonly ready: boolean;
  readonly podIP: string;
  /** The fake kubelet bound it, as the scheduler would. */
  readonly isBound: boolean;
  /** A scheduler is there, and its condition stays. */
  readonly isScheduled: boolean;
  readonly nowMs: number;
}

export function running(pod: Pod, { ready, podIP, isBound, isScheduled, nowMs }: Running): Pod {
  const set = (type: string, holds: boolean): PodCondition =>
    holds
      ? condition(type, 'True', nowMs)
      : condition(type, 'False', nowMs, { reason: 'ContainersNotReady' });
  const kept = ['DisruptionTarget', ...(isScheduled ? ['PodScheduled'] : [])];
  const conditions = [
    set('Initialized', true),
    set('PodReadyToStartContainers', true),
    set('Ready', ready),
    set('ContainersReady', ready),
    ...(isBound ? [set('PodScheduled', true)] : []),
    ...(pod.status?.conditions ?? []).filter(({ type }) => kept.includes(type)),
  ];
  const addressed = { podIP, podIPs: [{ ip: podIP }], startTime: toRfc3339(nowMs) };
  return { ...pod, status: { ...pod.status, ...addressed, phase: 'Running', conditions } };
}

export function restarted(pod: Pod, restartCount: number): Pod {
  const fields = { ready: true, restartCount, state: { running: {} } };
  return { ...pod, status: { ...pod.status, containerStatuses: containerStatuses(pod, fields) } };
}

/** A pod that has ended stays as it is. */
export function finished(
  pod: Pod,
  phase: 'Succeeded' | 'Failed',
  {
    code,
    nowMs,
    reason,
  }: { readonly code: number; readonly nowMs: number; readonly reason?: string | undefined },
): Pod {
  if (pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed') return pod;
  const lastTransitionTime = toRfc3339(nowMs);
  const ended = {
    status: 'False' as const,
    lastTransitionTime,
    reason: phase === 'Failed' ? 'PodFailed' : 'PodCompleted',
  };
  const judged = (pod.status?.conditions ?? []).map((one) =>
    ['Ready', 'ContainersReady'].includes(one.type) ? { ...one, ...ended } : one,
  );
  const disruption = annotation(pod, 'disruption');
  const conditions =
    disruption === undefined
      ? judged
      : [...judged, condition('DisruptionTarget', 'True', nowMs, { reason: disruption })];
  const hasContainers = (pod.status?.containerStatuses ?? []).length > 0 || code !== 0;
  const state = { terminated: { exitCode: code, finishedAt: lastTransitionTime } };
  const containers = containerStatuses(pod, { ready: false, restartCount: 0, state });
  return {
    ...pod,
    status: {
      ...pod.status,
      phase,
      conditions,
      ...(hasContainers && containers.length > 0 ? { containerStatuses: containers } : {}),
      ...(reason ? { reason } : {}),
    },
  };
}

type ContainerStatus = NonNullable<NonNullable<Pod['status']>['containerStatuses']>[number];

const containerStatuses = (
  pod: Pod,
  fields: Pick<ContainerStatus, 'ready' | 'restartCount' | 'state'>,
): ContainerStatus[] =>
  pod.spec.containers.map(({ name, image = '' }) => ({ name, image, imageID: 'fake', ...fields }));

export function unschedulable(pod: Pod, nowMs: number): Pod {
  const observedGeneration = pod.metadata.generation ?? 1;
  const more = { reason: 'Unschedulable', message: UNBOUND, observedGeneration };
  return {
    ...pod,
    status: { ...pod.status, conditions: [condition('PodScheduled', 'False', nowMs, more)] },
  };
}
