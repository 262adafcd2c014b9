/** One container's status as kubelet reports it, from the engine's records. Pure. */
import { toRfc3339 } from '../../base/clock.ts';
import { cutMiddle } from '../../base/text.ts';
import type { ContainerState, ContainerStatus } from '../../schemas/types.ts';
import type { ContainerRecord } from '../runtime/types.ts';
import { backOffMessage, planRestart, wantsRestart } from './plan-restart.ts';
import { type Attempt, type PlannedContainer, type PodView, attemptsOf } from './pod-view.ts';

export interface ContainerStatusInput extends PodView {
  /** Last words of ended containers, by container id. */
  readonly terminationMessages: ReadonlyMap<string, string>;
  /** The last reported status. It outlives the engine's records. */
  readonly previous: ContainerStatus | undefined;
  readonly podHasInit: boolean;
  /** Nothing will be started any more. */
  readonly over: boolean;
}

/** Kubernetes writes this where a container never ran. */
const NEVER = '1970-01-01T00:00:00Z';
const LOST = {
  exitCode: 137,
  reason: 'ContainerStatusUnknown',
  message: 'The container could not be located when the pod was deleted.  The container used to be Running',
  startedAt: NEVER,
  finishedAt: NEVER,
};
/** The engine's text repeats the command, which may be long. The cause stands at its end. */
const MAX_ERROR_LENGTH = 4_096;
/** The exit code that container engines use for "could not be started". */
const CANNOT_START = 128;

export function planContainerStatus(input: ContainerStatusInput, item: PlannedContainer): ContainerStatus {
  const { container, role } = item;
  const [latest, before] = attemptsOf(input.records, container.name);
  if (!latest) return withoutAttempt(input, item);
  const { record } = latest;
  const lastEnded = [latest, before].find((attempt) => attempt?.record.phase === 'exited');
  const containerId = `docker://${record.id}`;
  const identity = {
    name: container.name,
    image: container.image ?? '',
    imageID: record.imageId && `docker://${record.imageId}`,
    restartCount: Math.max(latest.attempt, input.previous?.restartCount ?? 0),
    containerID: containerId,
    ...resourcesOf(container, input.previous, containerId),
  };
  const last = (attempt: Attempt | undefined): ContainerState =>
    attempt ? { terminated: terminatedState(attempt.record, input.terminationMessages) } : {};
  if (record.phase === 'running') {
    const hooked = ['done', undefined].includes(input.postStart.get(record.id));
    const verdicts = input.probes.get(record.id);
    const started = hooked && (verdicts?.started ?? true);
    return {
      ...identity,
      state: { running: { startedAt: toRfc3339(record.startedAtMs ?? record.createdAtMs) } },
      lastState: last(before),
      started,
      ready: role === 'init' ? false : started && (verdicts?.ready ?? true),
    };
  }
  const waiting = record.phase === 'created' ? waitingFor(input, item) : waitingState(input, item, latest);
  const ended = record.phase === 'exited' && !waiting;
  return {
    ...identity,
    state: ended
      ? { terminated: terminatedState(record, input.terminationMessages) }
      : { waiting: waiting ?? creating(input) },
    lastState: ended ? last(before) : last(lastEnded),
    started: false,
    ready: role === 'init' && ended && record.exitCode === 0,
  };
}

/** A running container keeps its resources. A resize of the spec does not change them. */
function resourcesOf(
  { resources = {} }: PlannedContainer['container'],
  previous: ContainerStatus | undefined,
  containerId: string,
): Partial<ContainerStatus> {
  const isSame = previous?.containerID === containerId && previous.resources !== undefined;
  const given = isSame ? previous.resources : resources;
  const requests = given?.requests ?? {};
  return {
    resources: { ...given },
    ...(Object.keys(requests).length > 0 ? { allocatedResources: { ...requests } } : {}),
  };
}

/** The container was never created here, or is removed. A reported end stays true. */
function withoutAttempt(input: ContainerStatusInput, item: PlannedContainer): ContainerStatus {
  const { container } = item;
  const { previous } = input;
  const gone = previous?.state?.terminated;
  const ran = previous?.state?.waiting === undefined || previous.lastState?.terminated !== undefined;
  if (previous && (gone || (input.over && ran && previous.containerID !== undefined))) {
    const ready = gone?.exitCode === 0 && previous.ready;
    return { ...previous, state: { terminated: gone ?? LOST }, ready, started: false };
  }
  return {
    name: container.name,
    image: container.image ?? '',
    imageID: '',
    restartCount: previous?.restartCount ?? 0,
    ready: false,
    started: false,
    state: { waiting: waitingFor(input, item) },
    lastState: {},
  };
}

const creating = (input: ContainerStatusInput): { reason: string } => ({
  reason: input.podHasInit ? 'PodInitializing' : 'ContainerCreating',
});

/** The waiting state of a blocked container. To kubelet a missing volume is part of creating it. */
function waitingFor(
  input: ContainerStatusInput,
  { container }: PlannedContainer,
): { reason: string; message?: string } {
  const problem = input.problems.get(container.name) ?? input.problems.get('');
  if (!problem) return creating(input);
  const { reason, message } = problem;
  return reason === 'FailedMount' ? { ...creating(input), message } : { reason, message };
}

/** Why an ended container waits. Undefined: it is over, or starts at this moment. */
function waitingState(
  input: ContainerStatusInput,
  item: PlannedContainer,
  latest: Attempt,
): { reason: string; message?: string } | undefined {
  const { record } = latest;
  if (input.over || !wantsRestart(input.pod, item, record.exitCode ?? 0)) return undefined;
  const problem = input.problems.get(item.container.name);
  if (problem) return { reason: problem.reason, message: problem.message };
  if (record.error !== undefined && record.startedAtMs === undefined) {
    return { reason: 'RunContainerError', message: cutMiddle(record.error, MAX_ERROR_LENGTH) };
  }
  const restart = planRestart(latest);
  if (restart.delayMs === 0) return undefined;
  const message = backOffMessage(input.pod, item.container, restart.delayMs);
  return { reason: 'CrashLoopBackOff', message };
}

function terminatedState(
  record: ContainerRecord,
  messages: ReadonlyMap<string, string>,
): NonNullable<ContainerState['terminated']> {
  const neverRan = record.startedAtMs === undefined;
  const exitCode = neverRan && record.error !== undefined ? CANNOT_START : (record.exitCode ?? 0);
  const message = neverRan ? cutMiddle(record.error ?? '', MAX_ERROR_LENGTH) : messages.get(record.id);
  return {
    containerID: `docker://${record.id}`,
    exitCode,
    reason: terminationReason(record, exitCode),
    ...(message === undefined || message === '' ? {} : { message }),
    startedAt: neverRan ? NEVER : toRfc3339(record.startedAtMs ?? 0),
    finishedAt: toRfc3339(record.finishedAtMs ?? record.createdAtMs),
  };
}

function terminationReason(record: ContainerRecord, exitCode: number): string {
  if (record.oomKilled) return 'OOMKilled';
  if (record.startedAtMs === undefined && record.error !== undefined) return 'StartError';
  return exitCode === 0 ? 'Completed' : 'Error';
}
