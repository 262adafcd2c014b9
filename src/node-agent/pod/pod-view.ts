/** All that is known of one pod at one instant: the only input of its decisions. Plain data. */
import type { Container, ContainerStatus, Pod, PodStatus } from '../../schemas/types.ts';
import { type ContainerRecord, labelKeys, type SandboxRecord } from '../runtime/types.ts';

/** Labels of the agent's own. With them its decisions survive its restart. */
export const agentLabels = {
  /** The number of restarts in quick succession that led to this attempt. */
  backoffLevel: 'symphony.dev/backoff-level',
  /** Attempt of the sandbox whose namespaces the container joined. */
  sandboxAttempt: 'symphony.dev/sandbox-attempt',
} as const;

export type ContainerRole = 'init' | 'sidecar' | 'main';

export interface PlannedContainer {
  readonly container: Container;
  readonly role: ContainerRole;
}

/** Tells people something about the pod, or about one of its containers. */
export type TellPodEvent = (
  item: PlannedContainer | undefined,
  type: 'Normal' | 'Warning',
  reason: string,
  message: string,
) => void;

export interface Attempt {
  readonly record: ContainerRecord;
  readonly attempt: number;
  readonly backoffLevel: number;
  readonly sandboxAttempt: number;
  readonly specHash: string;
}

export interface Problem {
  /** The waiting reason that users see, such as ErrImagePull or RunContainerError. */
  readonly reason: string;
  readonly message: string;
  readonly failures: number;
  readonly retryAtMs: number;
  /** The pod's address at the time, which the engine refused. */
  readonly refusedIp?: string | undefined;
}

/** Key of the failures to clean up. No container can have this name. */
export const CLEANUP = '#cleanup';
/** Key of the failures to stop this container. */
export const stopSubject = (containerId: string): string => `#stop/${containerId}`;

export interface ProbeVerdicts {
  /** The startup probe has succeeded (or there is none). */
  readonly started: boolean;
  readonly ready: boolean;
  /** A liveness or startup probe has failed for good. */
  readonly failed?: { readonly kind: 'Liveness' | 'Startup'; readonly graceSeconds: number | undefined };
}

export type HookState = 'pending' | 'running' | 'done' | 'failed';

export type StopReason =
  | 'pod-ended'
  | 'liveness-probe'
  | 'startup-probe'
  | 'post-start-hook'
  | 'spec-changed'
  | 'sandbox-changed'
  | 'duplicate';

export interface Stopping {
  readonly container: PlannedContainer | undefined;
  readonly reason: StopReason;
  readonly deadlineMs: number;
  /** `hook`: preStop runs. `asked`: the engine stops the container. `idle`: neither. */
  readonly phase: 'hook' | 'asked' | 'idle';
}

export interface PodView {
  readonly pod: Pod;
  readonly nowMs: number;
  /** Everything on the engine that belongs to this pod: containers, and sandboxes with a record. */
  readonly records: readonly ContainerRecord[];
  /** Newest first. */
  readonly sandboxes: readonly SandboxRecord[];
  /** The pod's containers, in the order of their start. */
  readonly planned: readonly PlannedContainer[];
  readonly needsIp: boolean;
  /** It is still reported after a pod that is over has given it back. */
  readonly ip: string | undefined;
  readonly holdsIp: boolean;
  readonly volumes: 'missing' | 'ready';
  readonly images: ReadonlySet<string>;
  /** By subject (pod-step.ts). */
  readonly problems: ReadonlyMap<string, Problem>;
  /** By container id. */
  readonly probes: ReadonlyMap<string, ProbeVerdicts>;
  readonly postStart: ReadonlyMap<string, HookState>;
  readonly stopping: ReadonlyMap<string, Stopping>;
  /** Long steps under way: `volumes`, `pull`. */
  readonly busy: ReadonlySet<string>;
  /** The time of the first request to end the pod; undefined while it is wanted. */
  readonly endingSinceMs: number | undefined;
  /** The object no longer exists: nothing is written for it any more. */
  readonly removed: boolean;
  /** Why the pod is over without its containers having ended: rejected, deadline exceeded. */
  readonly verdict: PodVerdict | undefined;
  readonly startTimeMs: number | undefined;
  readonly finalStatusWritten: boolean;
}

export interface PodVerdict {
  readonly reason: string;
  readonly message: string;
}

/** kubelet's and the API's default. */
export const DEFAULT_GRACE_SECONDS = 30;

/** Init containers in order (sidecars among them), then the others. */
export function containersOf(pod: Pod): readonly PlannedContainer[] {
  return [
    ...(pod.spec.initContainers ?? []).map(
      (container): PlannedContainer => ({
        container,
        role: container.restartPolicy === 'Always' ? 'sidecar' : 'init',
      }),
    ),
    ...pod.spec.containers.map((container): PlannedContainer => ({ container, role: 'main' })),
  ];
}

/** The name of the container that the record is an attempt at. */
export const nameOf = ({ labels }: ContainerRecord): string => labels[labelKeys.containerName] ?? '';

/** The status that was reported of the container of this name. */
export const reportedOf = (status: PodStatus | undefined, name: string): ContainerStatus | undefined =>
  [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])].find(
    (reported) => reported.name === name,
  );

const numberOf = (text: string | undefined): number => Number.parseInt(text ?? '0', 10) || 0;

function toAttempt(record: ContainerRecord): Attempt {
  return {
    record,
    attempt: numberOf(record.labels[labelKeys.attempt]),
    backoffLevel: numberOf(record.labels[agentLabels.backoffLevel]),
    sandboxAttempt: numberOf(record.labels[agentLabels.sandboxAttempt]),
    specHash: record.labels[labelKeys.specHash] ?? '',
  };
}

const byAge = (a: Attempt, b: Attempt): number =>
  b.attempt - a.attempt || b.record.createdAtMs - a.record.createdAtMs;

/** Attempts by container, newest first. One decision reads those of every container many times. */
const attempts = new WeakMap<readonly ContainerRecord[], ReadonlyMap<string, readonly Attempt[]>>();

function attemptsByName(records: readonly ContainerRecord[]): ReadonlyMap<string, readonly Attempt[]> {
  const byName = new Map<string, Attempt[]>();
  for (const record of records) {
    const { [labelKeys.role]: role, [labelKeys.containerName]: name } = record.labels;
    if (role === 'pod' || name === undefined) continue;
    const known = byName.get(name);
    if (known) known.push(toAttempt(record));
    else byName.set(name, [toAttempt(record)]);
  }
  for (const list of byName.values()) list.sort(byAge);
  return byName;
}

/** Attempts at one container, newest first. The list of records must not change afterwards. */
export function attemptsOf(records: readonly ContainerRecord[], name: string): readonly Attempt[] {
  const known = attempts.get(records) ?? attemptsByName(records);
  attempts.set(records, known);
  return known.get(name) ?? [];
}

export function membersOf({ records, sandboxes }: Pick<PodView, 'records' | 'sandboxes'>) {
  return records.filter(({ id }) => !sandboxes.some((sandbox) => sandbox.id === id));
}

export const isLive = (record: ContainerRecord): boolean => record.phase === 'running';

/** The grace of the pod's containers, by the deletion or the spec. */
export function graceSecondsOf(pod: Pod): number {
  return (
    pod.metadata.deletionGracePeriodSeconds ?? pod.spec.terminationGracePeriodSeconds ?? DEFAULT_GRACE_SECONDS
  );
}
