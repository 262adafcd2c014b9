/**
 * Drives one pod: observe, ask `planPodStep`, execute, again. One decision at a time; long steps (volumes, pulls, hooks,
 * stops) run beside the loop and wake it when they end. Woken by engine events, the API, probes and timers.
 *
 * It touches only containers that it was given as this pod's, and never decides anything itself. Its parts: `pod-state.ts`
 * and `pod-containers.ts` (what is known), `pod-steps.ts` (what is done), `pod-problems.ts` (what did not work).
 */
import { createAbort } from '../../base/abort.ts';
import type { Timer } from '../../base/clock.ts';
import { TransientError } from '../../base/errors.ts';
import { jsonEqual } from '../../base/json.ts';
import { omit } from '../../schemas/json-access.ts';
import { keyOf } from '../../schemas/object.ts';
import type { Pod } from '../../schemas/types.ts';
import { specHash } from '../container-spec/identity.ts';
import { sandboxNeeded } from '../container-spec/plan-container-spec.ts';
import { failureWords } from './failure-words.ts';
import type { PodRecord } from '../ports.ts';
import { planPodStatus } from './plan-pod-status.ts';
import { planPodStep, subjectOf } from './plan-pod-step.ts';
import { createPodContainers } from './pod-containers.ts';
import { createPodProblems } from './pod-problems.ts';
import { createPodState, podRecordOf } from './pod-state.ts';
import { createPodSteps, type PodAction } from './pod-steps.ts';
import { CLEANUP, type PlannedContainer, type PodView, type TellPodEvent, containersOf } from './pod-view.ts';
import type { PodWorker, PodWorkerContext } from './types.ts';

export function createPodWorker(context: PodWorkerContext, initial: PodRecord): PodWorker {
  const { clock, resources } = context;
  const state = createPodState(initial, clock.now());
  const { uid } = state;
  const logger = context.logger.child({ component: 'pod-worker', pod: keyOf(initial.pod), uid });
  const jobs = new Set<Promise<void>>();
  const abort = createAbort();
  let dirty = false;
  let looping = false;
  let timer: Timer | undefined;
  let loop: Promise<void> = Promise.resolve();

  const event: TellPodEvent = (item, type, reason, message) =>
    context.recordEvent(state.pod, {
      type,
      reason,
      message,
      ...(item ? { fieldPath: fieldPathOf(item) } : {}),
    });
  const containers = createPodContainers({
    context,
    state,
    made: initial.made,
    logger,
    event,
    save,
    wake,
  });
  const { own, records, starts, probes, stops, lastWords } = containers;
  const problems = createPodProblems({
    clock,
    rng: context.rng,
    logger,
    event,
    signal: abort.signal,
    containers: () => containersOf(state.pod),
  });
  const steps = createPodSteps({
    context,
    state,
    containers,
    problems,
    event,
    save,
    publish: () => publish(view()),
    launch,
  });

  function view(): PodView {
    const { pod, status, ip, holdsIp, volumes, endingSinceMs, removed, verdict, startTimeMs } = state;
    const planned = containersOf(pod);
    const current = records.all;
    probes.follow(planned, current, starts.postStart);
    return {
      pod: { ...pod, status: { ...pod.status, ...(status?.phase ? { phase: status.phase } : {}) } },
      nowMs: clock.now(),
      records: current,
      specHashes: new Map(planned.map(({ container }) => [container.name, specHash(container)])),
      needsSandbox: sandboxNeeded(pod),
      needsIp: pod.spec.hostNetwork !== true,
      ip,
      holdsIp,
      volumes,
      images: starts.readyImages(planned),
      problems: problems.all,
      probes: probes.verdicts(),
      postStart: starts.postStart,
      stopping: stops.current(),
      busy: steps.busy,
      endingSinceMs,
      removed,
      verdict,
      startTimeMs,
      finalStatusWritten: state.finalStatusWritten,
    };
  }

  function wake(): void {
    dirty = true;
    if (looping || state.gone || abort.signal.aborted || !context.ready()) return;
    looping = true;
    loop = run();
  }

  async function run(): Promise<void> {
    // Let the caller tell of all containers first (an agent finds several at its start): a member without its sandbox
    // would be ended as an orphan.
    await Promise.resolve();
    own.settle(records.all);
    try {
      while (dirty && !state.gone && !abort.signal.aborted) {
        dirty = false;
        timer?.cancel();
        const seen = view();
        publish(seen);
        const step = planPodStep(seen);
        if (step.type === 'wait') {
          if (step.untilMs !== undefined && Number.isFinite(step.untilMs))
            timer = clock.setTimer(wake, step.untilMs - clock.now());
          continue;
        }
        await attempt(step);
        dirty = true;
      }
    } finally {
      looping = false;
    }
  }

  async function attempt(step: PodAction): Promise<void> {
    const subject = subjectOf(step);
    try {
      await steps.execute(step);
      const isOver = ['start-container', 'start-sandbox', 'allocate-ip'].includes(step.type);
      if (isOver || subject === CLEANUP) problems.over(subject);
    } catch (error) {
      problems.fail(step.type, subject, error);
    }
  }

  function publish(seen: PodView): void {
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
    // The end of the pod, once it is told, decides what is next.
    if (next.phase !== status?.phase) dirty = true;
    state.status = next;
    if (changed) void save();
    if (!state.removed) context.statuses.submit(pod, next);
  }

  function save(durable = false): Promise<void> {
    return context.save(uid, podRecordOf(state, own.made), durable);
  }

  function launch(work: () => Promise<void>): void {
    const job = work().finally(() => {
      jobs.delete(job);
      wake();
    });
    jobs.add(job);
  }

  /** Mounted files could not be brought up to date. A control plane that is away is no news about the pod. */
  function onStale(error: unknown): void {
    if (error instanceof Error && error.cause instanceof TransientError) return;
    event(undefined, 'Warning', 'FailedMount', failureWords(error));
  }

  function beginEnding(): void {
    state.endingSinceMs ??= clock.now();
  }

  return {
    uid,
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
      const { gone, status } = state;
      return gone || status?.phase === 'Succeeded' || status?.phase === 'Failed';
    },
    get removed() {
      return state.removed;
    },
    get records() {
      return records.all;
    },
    update(next) {
      const before = state.pod;
      // A store that went back has an object again that was gone: it goes with what is ending here.
      state.removed = false;
      const changed =
        !jsonEqual(next.spec, before.spec) || !jsonEqual(next.metadata.labels, before.metadata.labels);
      // The proof of the placement covers the metadata: what is restored must be as it was seen last.
      const isNews = changed || !jsonEqual(recorded(next.metadata), recorded(before.metadata));
      state.pod = next;
      if (next.metadata.deletionTimestamp !== undefined) beginEnding();
      if (changed) problems.clear();
      if (isNews) void save();
      wake();
    },
    end() {
      state.removed = true;
      beginEnding();
      wake();
    },
    isStarting: starts.isStarting,
    observe(record) {
      if (own.owns(record)) records.observe(record);
    },
    observeGone: records.observeGone,
    observeAll: (listed, listedAtMs) => records.observeAll(listed.filter(own.owns), listedAtMs),
    wake,
    retry() {
      problems.retryPod();
      wake();
    },
    refreshVolumes() {
      const { pod, ip, volumes, endingSinceMs } = state;
      if (volumes !== 'ready' || endingSinceMs !== undefined || (pod.spec.volumes ?? []).length === 0) return;
      launch(() => resources.ensureVolumes(pod, ip).catch(onStale));
    },
    async [Symbol.asyncDispose]() {
      abort.abort();
      timer?.cancel();
      probes.stop();
      await loop;
      await Promise.allSettled([...jobs, lastWords.settled()]);
    },
  };
}

const fieldPathOf = ({ container, role }: PlannedContainer): string =>
  `spec.${role === 'main' ? 'containers' : 'initContainers'}{${container.name}}`;

/** The part of the metadata that counts: each write of a status changes the rest. */
const recorded = (metadata: Pod['metadata']): Pod['metadata'] =>
  omit(metadata, 'resourceVersion', 'managedFields');
