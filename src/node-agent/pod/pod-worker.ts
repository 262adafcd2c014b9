/**
 * Drives one pod: observe, ask `planPodStep`, execute, again. One decision at a time; long steps (volumes, pulls, hooks,
 * stops) run beside the loop and wake it when they end. Woken by engine events, the API, probes and timers.
 *
 * It touches only containers that it was given as this pod's, and never decides anything itself.
 */
import { createAbort } from '../../base/abort.ts';
import type { Timer } from '../../base/clock.ts';
import { TransientError } from '../../base/errors.ts';
import { jsonEqual } from '../../base/json.ts';
import { specHash } from '../container-spec/identity.ts';
import { sandboxNeeded } from '../container-spec/plan-container-spec.ts';
import { failureWords } from '../failure-words.ts';
import { type PodRecord, StepProblem } from '../ports.ts';
import { type ContainerRecord, labelKeys } from '../runtime/types.ts';
import { omit } from '../../schemas/json-access.ts';
import type { Pod } from '../../schemas/types.ts';
import { createContainerRecords } from './container-records.ts';
import { createContainerStarts } from './container-starts.ts';
import { createLastWords } from './last-words.ts';
import { createOwnContainers } from './own-containers.ts';
import { planPodStatus } from './plan-pod-status.ts';
import { type PodStep, planPodStep, subjectOf } from './plan-pod-step.ts';
import { isExpected, planFailureEvent, planPullProblem, planStepProblem } from './plan-problem.ts';
import { backOffEvent, planRestart, restartPolicyOf } from './plan-restart.ts';
import { type PodProbes, createPodProbes } from './pod-probes.ts';
import { type PodStops, createPodStops } from './pod-stops.ts';
import {
  CLEANUP,
  type PlannedContainer,
  type PodVerdict,
  type PodView,
  type Problem,
  type TellPodEvent,
  attemptsOf,
  containersOf,
} from './pod-view.ts';
import type { PodWorker, PodWorkerContext } from './types.ts';

export function createPodWorker(context: PodWorkerContext, initial: PodRecord): PodWorker {
  const { runtime, clock, resources } = context;
  const uid = initial.pod.metadata.uid ?? '';
  const logger = context.logger.child({ component: 'pod-worker', pod: initial.pod.metadata.name, uid });
  const problems = new Map<string, Problem>();
  const lastWords = createLastWords({ runtime, resources, clock, wake });
  const busy = new Set<string>();
  const jobs = new Set<Promise<void>>();
  const abort = createAbort();
  let pod = initial.pod;
  let ip = initial.ip;
  let holdsIp = ip !== undefined;
  let status = initial.status ?? initial.pod.status;
  let verdict: PodVerdict | undefined = initial.verdict;
  const startTimeMs = initial.startTimeMs ?? parseTime(status?.startTime) ?? clock.now();
  let endingSinceMs = pod.metadata.deletionTimestamp === undefined ? undefined : clock.now();
  let volumes: PodView['volumes'] = 'missing';
  let removed = false;
  let finalStatusWritten = false;
  let gone = false;
  let dirty = false;
  let looping = false;
  let timer: Timer | undefined;
  let loop: Promise<void> = Promise.resolve();

  const fieldPath = (item: PlannedContainer): string =>
    `spec.${item.role === 'main' ? 'containers' : 'initContainers'}{${item.container.name}}`;
  const event: TellPodEvent = (item, type, reason, message) =>
    context.recordEvent(pod, { type, reason, message, ...(item ? { fieldPath: fieldPath(item) } : {}) });

  const own = createOwnContainers({
    made: initial.made,
    newMark: () => context.rng.uuid(),
    save,
    onForeign({ id, name }) {
      const message = `Container ${id} (${name}) has the labels of this pod, but this node did not make it; it is left alone`;
      logger.warn({ container: id, name }, 'A container that this node did not make has the labels of a pod');
      event(undefined, 'Warning', 'UnknownContainer', message);
    },
  });
  const records = createContainerRecords({
    clock,
    onEnded,
    onGone(id) {
      own.forget(id);
      starts.forget(id);
      lastWords.forget(id);
    },
    onChange: wake,
  });
  const starts = createContainerStarts({
    runtime,
    resources,
    images: context.images,
    runHook: context.runHook,
    event,
    own,
    find: (name) => records.all.find((record) => record.name === name),
    current: () => ({ pod, ip }),
    refresh,
  });
  const probes: PodProbes = createPodProbes({
    clock,
    run: (item, containerId, kind, timeoutMs) =>
      context.runProbe({ pod, container: item.container, containerId, ip, kind, timeoutMs }),
    onTrouble(item, kind, { success, isError, message }) {
      const what = success
        ? 'warning'
        : isError === true
          ? 'errored and resulted in unknown state'
          : 'failed';
      event(item, 'Warning', success ? 'ProbeWarning' : 'Unhealthy', `${kind} probe ${what}: ${message}`);
    },
    onChange: wake,
    reported: (name) =>
      [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])].find(
        (entry) => entry.name === name,
      ),
  });
  const stops: PodStops = createPodStops({
    runtime,
    clock,
    logger,
    preStop: (item, containerId, timeoutMs) =>
      context.runHook({ pod, container: item.container, containerId, ip, hook: 'preStop', timeoutMs }),
    event,
    willRestart: (item) => restartPolicyOf(pod, item) !== 'Never',
    refresh,
    wake,
  });

  function view(): PodView {
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
      problems,
      probes: probes.verdicts(),
      postStart: starts.postStart,
      stopping: stops.current(),
      busy,
      endingSinceMs,
      removed,
      verdict,
      startTimeMs,
      finalStatusWritten,
    };
  }

  function wake(): void {
    dirty = true;
    if (looping || gone || abort.signal.aborted || !context.ready()) return;
    looping = true;
    loop = run();
  }

  async function run(): Promise<void> {
    // What is told in one breath (the containers that an agent finds at its start) is looked at as a whole: a member
    // without its sandbox would be ended as an orphan.
    await Promise.resolve();
    own.settle(records.all);
    try {
      while (dirty && !gone && !abort.signal.aborted) {
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

  function publish(seen: PodView): void {
    if (lastWords.pending) return;
    const next = planPodStatus({
      ...seen,
      pod: { ...pod, ...(pod.status ? { status: pod.status } : {}) },
      hostIp: context.hostIp,
      previous: status,
      terminationMessages: lastWords.messages,
    });
    if (jsonEqual(next, status) && jsonEqual(next, pod.status)) return;
    const changed = !jsonEqual(next, status);
    // The end of the pod, once it is told, decides what is next.
    if (next.phase !== status?.phase) dirty = true;
    status = next;
    if (changed) void save();
    if (!removed) context.statuses.submit(pod, next);
  }

  function save(durable = false): Promise<void> {
    const record: PodRecord = {
      pod,
      startTimeMs,
      ...(status ? { status } : {}),
      ...(ip === undefined || !holdsIp ? {} : { ip }),
      ...(verdict ? { verdict } : {}),
      made: own.made,
    };
    return context.save(uid, record, durable);
  }

  async function attempt(step: Exclude<PodStep, { type: 'wait' }>): Promise<void> {
    const subject = subjectOf(step);
    try {
      await execute(step);
      const isOver = ['start-container', 'start-sandbox', 'allocate-ip'].includes(step.type);
      if (isOver || subject === CLEANUP) problems.delete(subject);
    } catch (error) {
      fail(step.type, subject, error);
    }
  }

  function fail(step: PodStep['type'], subject: string, error: unknown): void {
    if (abort.signal.aborted) return;
    const before = problems.get(subject);
    const problem = planStepProblem({
      step,
      subject,
      error,
      before,
      nowMs: clock.now(),
      jitter: context.rng.next(),
    });
    problems.set(subject, problem);
    const { failures } = problem;
    const told = planFailureEvent(step, problem);
    const item = containersOf(pod).find(({ container }) => container.name === subject);
    if (told) {
      const also = error instanceof StepProblem ? error.also : [];
      for (const message of [told.message, ...also])
        event(told.isOfPod ? undefined : item, 'Warning', told.reason, message);
    }
    const isBug = !isExpected(error);
    const shown = isBug ? error : problem.message;
    // The same again is the event's to count.
    const level = isBug ? 'error' : before?.message === problem.message ? 'debug' : 'info';
    logger[level]({ step, error: shown, failures }, 'Step failed, will try again');
  }

  /** A step that runs beside the loop. */
  function launch(work: () => Promise<void>): void {
    const job = work().finally(() => {
      jobs.delete(job);
      wake();
    });
    jobs.add(job);
  }

  async function execute(step: Exclude<PodStep, { type: 'wait' }>): Promise<void> {
    switch (step.type) {
      case 'set-verdict':
        verdict = step.verdict;
        event(undefined, 'Normal', step.verdict.reason, step.verdict.message);
        return save();
      case 'allocate-ip':
        return allocateIp();
      case 'release-ip':
        holdsIp = false;
        // A record that still named the address would claim it again after a restart.
        await save();
        return context.addresses.release(uid);
      case 'ensure-volumes':
        busy.add('volumes');
        return launch(ensureVolumes);
      case 'pull-image':
        busy.add('pull');
        return launch(() => pull(step.container));
      case 'start-sandbox':
        if (step.attempt > 0) event(undefined, 'Normal', 'SandboxChanged', SANDBOX_CHANGED);
        await verifyAddress();
        return starts.startSandbox(step.attempt);
      case 'start-container':
        if (!step.sandbox) await verifyAddress();
        return starts.startContainer(step);
      case 'run-post-start':
        return launch(() => starts.runPostStart(step.container, step.containerId));
      case 'stop-container':
        return stops.begin(step);
      case 'remove-container':
        await runtime.remove(step.record.id);
        return records.observeGone(step.record.id);
      case 'write-final-status':
        return writeFinalStatus();
      case 'tear-down':
        return tearDown();
    }
  }

  async function allocateIp(): Promise<void> {
    const address = context.addresses.allocate(uid);
    await context.addresses.verify(address);
    ip = address;
    holdsIp = true;
    return save();
  }

  /** Before the pod gets its network, also when it gets it anew. */
  async function verifyAddress(): Promise<void> {
    if (pod.spec.hostNetwork !== true && ip !== undefined) await context.addresses.verify(ip);
  }

  async function ensureVolumes(): Promise<void> {
    try {
      await resources.ensureVolumes(pod, ip);
      volumes = 'ready';
      problems.delete('');
    } catch (error) {
      fail('ensure-volumes', '', error);
    } finally {
      busy.delete('volumes');
    }
  }

  async function pull(item: PlannedContainer): Promise<void> {
    const { name } = item.container;
    try {
      const result = await starts.pull(item);
      if (result.ok) problems.delete(name);
      else problems.set(name, planPullProblem(result, problems.get(name), clock.now()));
    } catch (error) {
      fail('pull-image', name, error);
    } finally {
      busy.delete('pull');
    }
  }

  async function writeFinalStatus(): Promise<void> {
    await lastWords.settled();
    publish(view());
    await context.statuses.flush(uid);
    finalStatusWritten = true;
  }

  async function tearDown(): Promise<void> {
    await resources.tearDown(pod);
    context.addresses.release(uid);
    if (!removed) await context.deleteObject(pod);
    gone = true;
    probes.stop();
    context.statuses.forget(uid);
    context.onGone(uid);
  }

  async function refresh(id: string): Promise<ContainerRecord | undefined> {
    const record = await runtime.inspect(id);
    if (record) records.observe(record);
    else records.observeGone(id);
    return records.get(id);
  }

  /** Asks for the last words, and says so when the next attempt has to wait. */
  function onEnded(record: ContainerRecord): void {
    const name = record.labels[labelKeys.containerName] ?? '';
    const item = containersOf(pod).find((candidate) => candidate.container.name === name);
    const ended = attemptsOf([record], name)[0];
    if (!item || !ended) return;
    const restart = planRestart(ended);
    if (restart.delayMs > 0 && endingSinceMs === undefined && restartPolicyOf(pod, item) !== 'Never') {
      event(item, 'Warning', 'BackOff', backOffEvent(pod, item.container));
    }
    lastWords.read(pod, item, ended);
  }

  /** What is mounted could not be brought up to date. A control plane that is away is no news of the pod's. */
  function onStale(error: unknown): void {
    if (error instanceof Error && error.cause instanceof TransientError) return;
    event(undefined, 'Warning', 'FailedMount', failureWords(error));
  }

  function beginEnding(): void {
    endingSinceMs ??= clock.now();
  }

  return {
    uid,
    get pod() {
      return pod;
    },
    get status() {
      return status;
    },
    get ip() {
      return ip;
    },
    get finished() {
      return gone || status?.phase === 'Succeeded' || status?.phase === 'Failed';
    },
    get removed() {
      return removed;
    },
    get records() {
      return records.all;
    },
    update(next) {
      // A store that went back has an object again that was gone: it goes with what is ending here.
      removed = false;
      const changed =
        !jsonEqual(next.spec, pod.spec) || !jsonEqual(next.metadata.labels, pod.metadata.labels);
      // The proof of the placement covers the metadata: what is restored must be as it was seen last.
      const isNews = changed || !jsonEqual(recorded(next.metadata), recorded(pod.metadata));
      pod = next;
      if (next.metadata.deletionTimestamp !== undefined) beginEnding();
      if (changed) problems.clear();
      if (isNews) void save();
      wake();
    },
    end() {
      removed = true;
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
      problems.delete('');
      problems.delete(CLEANUP);
      // A lone container waits for the pod's network, too.
      for (const [subject, { reason }] of problems)
        if (reason === 'FailedCreatePodSandBox') problems.delete(subject);
      wake();
    },
    refreshVolumes() {
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

/** The part of the metadata that counts: each write of a status changes the rest. */
const recorded = (metadata: Pod['metadata']): Pod['metadata'] =>
  omit(metadata, 'resourceVersion', 'managedFields');

function parseTime(text: unknown): number | undefined {
  const ms = typeof text === 'string' ? Date.parse(text) : Number.NaN;
  return Number.isNaN(ms) ? undefined : ms;
}

/** kubelet's words. */
const SANDBOX_CHANGED = 'Pod sandbox changed, it will be killed and re-created.';
