/** The facts and decisions of one pod beside its containers. Only its worker changes them. */
import type { Pod, PodStatus } from '../../schemas/types.ts';
import type { MadeContainers, PodRecord } from '../ports.ts';
import type { PodView } from './pod-view.ts';

type Decided = Pick<
  PodView,
  'ip' | 'holdsIp' | 'volumes' | 'endingSinceMs' | 'removed' | 'verdict' | 'finalStatusWritten'
>;

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

export interface PodState extends Mutable<Decided> {
  readonly uid: string;
  readonly startTimeMs: number;
  pod: Pod;
  status: PodStatus | undefined;
  /** Everything of the pod is gone; its worker has ended. */
  gone: boolean;
}

export function createPodState(initial: PodRecord, nowMs: number): PodState {
  const { pod, ip, verdict, status = pod.status } = initial;
  return {
    uid: pod.metadata.uid ?? '',
    startTimeMs: initial.startTimeMs ?? parseTime(status?.startTime) ?? nowMs,
    pod,
    status,
    ip,
    holdsIp: ip !== undefined,
    volumes: 'missing',
    endingSinceMs: pod.metadata.deletionTimestamp === undefined ? undefined : nowMs,
    removed: false,
    verdict,
    finalStatusWritten: false,
    gone: false,
  };
}

/** The part that must survive the agent. */
export function podRecordOf(state: PodState, made: MadeContainers): PodRecord {
  const { pod, startTimeMs, status, ip, holdsIp, verdict } = state;
  return {
    pod,
    startTimeMs,
    ...(status ? { status } : {}),
    ...(ip === undefined || !holdsIp ? {} : { ip }),
    ...(verdict ? { verdict } : {}),
    made,
  };
}

function parseTime(text: unknown): number | undefined {
  const ms = typeof text === 'string' ? Date.parse(text) : Number.NaN;
  return Number.isNaN(ms) ? undefined : ms;
}
