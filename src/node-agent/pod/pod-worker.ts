/**
 * Drives one pod: observe, ask `planPodStep`, execute, again. It executes one step at a time. Long
 * steps (volumes, pulls, hooks, stops) run beside the loop and wake it at their end.
 *
 * It decides nothing, and touches only the pod's own containers. Its parts: pod-state.ts and
 * pod-containers.ts (what is known), pod-steps.ts (what is done), pod-problems.ts (what failed).
 */
import { createAbort } from '../../base/abort.ts';
import { TransientError } from '../../base/errors.ts';
import { jsonEqual } from '../../base/json.ts';
import { omit } from '../../schemas/json-access.ts';
import { keyOf } from '../../schemas/object.ts';
import { isTerminal } from '../../schemas/pods/pod-phase.ts';
import type { Pod } from '../../schemas/types.ts';
import type { PodRecord } from '../ports.ts';
import { failureWords } from './failure-words.ts';
import { observePod } from './observe-pod.ts';
import { planPodStatus } from './plan-pod-status.ts';
import { planPodStep } from './plan-pod-step.ts';
import { createPodContainers, type PodContainers } from './pod-containers.ts';
import { createPodLoop, type PodLoop } from './pod-loop.ts';
import { createPodProblems } from './pod-problems.ts';
import { createPodState, podRecordOf } from './pod-state.ts';
import { type PodAction, subjectOf } from './pod-step.ts';
import { createPodSteps, type PodSteps } from './pod-steps.ts';
import { CLEANUP, type PlannedContainer, type PodView, type TellPodEvent } from './pod-view.ts';
import { tellAddress } from './tell-address.ts';
import type { PodPart, PodWorker, PodWorkerContext } from './types.ts';

interface Parts extends PodPart {
  readonly containers: PodContainers;
  readonly steps: PodSteps;
  readonly loop: PodLoop;
  /** Ends the loop, and waits for what runs beside it. */
  end(): Promise<void>;
}

export function createPodWorker(context: PodWorkerContext, initial: PodRecord): PodWorker {
  const { clock } = context;
  const state = createPodState(initial, clock.now());
  const { uid } = state;
  tellAddress(context, state);
  const logger = context.logger.child({ component: 'pod-worker', pod: keyOf(initial.pod), uid });
  const jobs = new Set<Promise<void>>();
  const abort = createAbort();
  const { signal } = abort;
  const event: TellPodEvent = (item, type, reason, message) => {
    // A pull that the end of the agent cuts is no news.
    if (signal.aborted) return;
    const about = item ? { fieldPath: fieldPathOf(item) } : {};
    context.recordEvent(state.pod, { type, reason, message, ...about });
  };
  const save = (durable = false): Promise<void> =>
    context.save(uid, podRecordOf(state, containers.own.made), durable);
  const wake = (): void => loop.wake();
  function launch(work: () => Promise<void>): void {
    const job = work().finally(() => {
      jobs.delete(job);
      wake();
    });
    jobs.add(job);
  }

  const { rng } = context;
  const problems = createPodProblems({ clock, rng, logger, event, signal, state });
  const common = { context, state, problems, logger, event, signal, save, wake, launch };
  const containers = createPodContainers({ ...common, made: initial.made });
  const steps = createPodSteps({ ...common, containers, publish: () => publish(parts, observe(parts)) });
  const loop = createPodLoop({
    clock,
    mayRun: () => !state.gone && !signal.aborted && context.ready(),
    pass: () => runPass(parts),
  });
  async function end(): Promise<void> {
    abort.abort();
    containers.probes.stop();
    await loop.end();
    await Promise.allSettled([...jobs, containers.lastWords.settled()]);
  }
  const parts: Parts = { ...common, containers, steps, loop, end };
  return workerOf(parts);
}

function observe({ context, state, containers, problems, steps }: Parts): PodView {
  const nowMs = context.clock.now();
  return observePod(context.runtime, state, containers, { nowMs, problems: problems.all, busy: steps.busy });
}

/** One step; answers the time of the next, if the plan is to wait. */
async function runPass(parts: Parts): Promise<number | undefined> {
  const { containers, loop } = parts;
  containers.own.settle(containers.records.all);
  const view = observe(parts);
  publish(parts, view);
  const step = planPodStep(view);
  if (step.type === 'wait') return step.untilMs;
  await attempt(parts, step);
  loop.wake();
  return undefined;
}

/** Steps whose success shows that the subject's problem is over. */
const ENDS_PROBLEM: ReadonlySet<PodAction['type']> = new Set([
  'start-container',
  'start-sandbox',
  'allocate-ip',
]);

async function attempt({ steps, problems }: Parts, step: PodAction): Promise<void> {
  const subject = subjectOf(step);
  try {
    await steps.execute(step);
    if (ENDS_PROBLEM.has(step.type) || subject === CLEANUP) problems.over(subject, step.type);
  } catch (error) {
    problems.fail(step.type, subject, error);
  }
}

function publish({ context, state, containers, loop, save }: Parts, seen: PodView): void {
  const { lastWords } = containers;
  if (lastWords.pending) return;
  const { pod, status } = state;
  const next = planPodStatus({
    ...seen,
    pod: { ...pod, ...(pod.status ? { status: pod.status } : {}) },
    hostIp: context.hostIp,
    previous: status,
    terminationMessages: lastWords.messages,
  });
  const changed = !jsonEqual(next, status);
  if (!changed && jsonEqual(next, pod.status)) return;
  // The plan depends on the phase, once it is reported.
  if (next.phase !== status?.phase) loop.wake();
  state.status = next;
  if (changed) void save();
  if (!state.removed) context.statuses.submit(pod, next);
}

function workerOf(parts: Parts): PodWorker {
  const { context, state, containers, problems, loop } = parts;
  const { own, records, starts } = containers;
  function beginEnding(): void {
    state.endingSinceMs ??= context.clock.now();
  }
  return {
    uid: state.uid,
    get pod() {
      return state.pod;
    },
    get status() {
      return state.status;
    },
    get ip() {
      return state.ip;
    },
    get finished() {
      return state.gone || isTerminal(state.status);
    },
    get removed() {
      return state.removed;
    },
    get records() {
      return records.all;
    },
    update(next) {
      replacePod(parts, next);
      if (next.metadata.deletionTimestamp !== undefined) beginEnding();
      loop.wake();
    },
    end() {
      state.removed = true;
      beginEnding();
      loop.wake();
    },
    isStarting: starts.isStarting,
    observe(record) {
      if (own.owns(record)) records.observe(record);
    },
    observeGone: records.observeGone,
    observeAll: (listed, listedAtMs) => records.observeAll(listed.filter(own.owns), listedAtMs),
    wake: loop.wake,
    retry() {
      problems.retryPod();
      loop.wake();
    },
    refreshVolumes: () => refreshVolumes(parts),
    [Symbol.asyncDispose]: parts.end,
  };
}

function replacePod({ context, state, problems, save }: Parts, next: Pod): void {
  const before = state.pod;
  const changed =
    !jsonEqual(next.spec, before.spec) || !jsonEqual(next.metadata.labels, before.metadata.labels);
  // The proof of the placement covers the metadata: restoring needs the newest.
  const isNews = changed || !jsonEqual(recorded(next.metadata), recorded(before.metadata));
  state.pod = next;
  // A terminal phase is never taken back, whoever wrote it. Its containers stop.
  if (next.status && isTerminal(next.status) && !isTerminal(state.status)) state.status = next.status;
  // A store that went back may have the object again. The pod ends with it then.
  state.removed = false;
  if (changed) {
    problems.clear();
    tellAddress(context, state);
  }
  if (isNews) void save();
}

function refreshVolumes({ context, state, event, launch }: Parts): void {
  const { pod, ip, volumes, endingSinceMs } = state;
  if (volumes !== 'ready' || endingSinceMs !== undefined || (pod.spec.volumes ?? []).length === 0) return;
  launch(() =>
    context.resources.ensureVolumes(pod, ip).catch((error: unknown) => {
      // A control plane that is away is no news about the pod.
      if (error instanceof Error && error.cause instanceof TransientError) return;
      event(undefined, 'Warning', 'FailedMount', failureWords(error));
    }),
  );
}

const fieldPathOf = ({ container, role }: PlannedContainer): string =>
  `spec.${role === 'main' ? 'containers' : 'initContainers'}{${container.name}}`;

/** Metadata that every write of a status changes does not count. */
const recorded = (metadata: Pod['metadata']): Pod['metadata'] =>
  omit(metadata, 'resourceVersion', 'managedFields');
