/**
 * Everything that is known of one pod at one instant: the only input of the decisions beside it. Plain data, made anew
 * for each decision by the pod worker; nothing here is ever mutated.
 */
import type { Container, Pod } from '../../schemas/types.ts';
import { type ContainerRecord, labelKeys } from '../runtime/types.ts';

/** Labels of the agent's own, beside those of the runtime's contract; they let decisions survive its restart. */
export const agentLabels = {
  /** How many restarts in quick succession led to this attempt: the level of the back-off. */
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

/** One attempt at a container, as the engine knows it. */
export interface Attempt {
  readonly record: ContainerRecord;
  readonly attempt: number;
  readonly backoffLevel: number;
  readonly sandboxAttempt: number;
  readonly specHash: string;
}

/** Something that did not work and will be tried again; `retryAtMs` is decided when it fails. */
export interface Problem {
  /** The waiting reason that users see: ErrImagePull, CreateContainerConfigError, RunContainerError … */
  readonly reason: string;
  readonly message: string;
  readonly failures: number;
  readonly retryAtMs: number;
}

/** Under which failures to clear away are kept among the problems: no container is called so. */
export const CLEANUP = '#cleanup';

export interface ProbeVerdicts {
  /** The startup probe has succeeded (or there is none). */
  readonly started: boolean;
  readonly ready: boolean;
  /** A liveness or startup probe has failed for good. */
  readonly failed?: { readonly kind: 'Liveness' | 'Startup'; readonly graceSeconds: number | undefined };
}

export type HookState = 'pending' | 'running' | 'done' | 'failed';

/** A container that is being stopped; `deadlineMs` is when SIGKILL is due. */
export interface Stopping {
  readonly deadlineMs: number;
}

export interface PodView {
  readonly pod: Pod;
  readonly nowMs: number;
  /** Every container of this pod's uid that exists on the engine. */
  readonly records: readonly ContainerRecord[];
  /** Containers that the pod should have, with the hash of what each is to be made of. */
  readonly specHashes: ReadonlyMap<string, string>;
  readonly needsSandbox: boolean;
  readonly needsIp: boolean;
  /** A pod that is over has given it back; it is still reported. */
  readonly ip: string | undefined;
  /** The address is still this pod's. */
  readonly holdsIp: boolean;
  readonly volumes: 'missing' | 'ready';
  readonly images: ReadonlySet<string>;
  /** By container name; `''` is the pod itself (volumes, address, sandbox). */
  readonly problems: ReadonlyMap<string, Problem>;
  /** By container id. */
  readonly probes: ReadonlyMap<string, ProbeVerdicts>;
  readonly postStart: ReadonlyMap<string, HookState>;
  readonly stopping: ReadonlyMap<string, Stopping>;
  /** Long steps under way: `volumes`, `pull`. */
  readonly busy: ReadonlySet<string>;
  /** When its end was first asked for; undefined while the pod is wanted. */
  readonly endingSinceMs: number | undefined;
  /** The object no longer exists: nothing is written for it any more. */
  readonly removed: boolean;
  /** Why the pod is over although its containers did not decide so: rejected, deadline exceeded, evicted. */
  readonly verdict: PodVerdict | undefined;
  readonly startTimeMs: number | undefined;
  /** The status that ends the pod's life has been written. */
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

/** Attempts by container, newest first. One decision asks for those of every container many times. */
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

/** Attempts at the sandbox, newest first. */
export function sandboxesOf(records: readonly ContainerRecord[]): readonly Attempt[] {
  return records
    .filter((record) => record.labels[labelKeys.role] === 'pod')
    .map(toAttempt)
    .sort(byAge);
}

export const isLive = (record: ContainerRecord): boolean => record.phase === 'running';

export function isTerminal(pod: Pod): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
}

/** Seconds that the pod's containers get to end, as the deletion or the spec says. */
export function graceSecondsOf(pod: Pod): number {
  return (
    pod.metadata.deletionGracePeriodSeconds ?? pod.spec.terminationGracePeriodSeconds ?? DEFAULT_GRACE_SECONDS
  );
}
