/**
 * Drives one pod: observe, ask `planPodStep`, execute, again. One decision at a time; long steps (volumes, pulls, hooks,
 * stops) run beside the loop and wake it when they end. Woken by engine events, the API, probes and timers.
 *
 * It touches only containers that it was given as this pod's, and never decides anything itself.
 */
import { backoffDelayMs } from '../../base/backoff.ts';
import type { Clock, Timer } from '../../base/clock.ts';
import { errorMessage } from '../../base/errors.ts';
import { jsonEqual } from '../../base/json.ts';
import type { Logger } from '../../base/logger.ts';
import type { Pod, PodStatus } from '../../schemas/types.ts';
import { specHash } from '../container-spec/identity.ts';
import { sandboxNeeded } from '../container-spec/plan-container-spec.ts';
import {
  type ImageSource,
  type PodAddresses,
  type PodRecord,
  type PodResources,
  type RecordPodEvent,
  type RunHook,
  type RunProbe,
  type StatusWriter,
  StepProblem,
} from '../ports.ts';
import type { ContainerRecord, ContainerRuntime, ImageRecord } from '../runtime/types.ts';
import { RuntimeError, labelKeys } from '../runtime/types.ts';
import { createLastWords } from './last-words.ts';
import { type PodProbes, createPodProbes } from './pod-probes.ts';
import { type PodStops, createPodStops } from './pod-stops.ts';
import { planPodStatus } from './plan-pod-status.ts';
import { type PodStep, planPodStep } from './plan-pod-step.ts';
import { RESTART_BACKOFF, backOffMessage, planRestart } from './plan-restart.ts';
import {
  type HookState,
  type PlannedContainer,
  type PodVerdict,
  type PodView,
  type Problem,
  agentLabels,
  attemptsOf,
  containersOf,
} from './pod-view.ts';

export interface PodWorkerContext {
  readonly runtime: ContainerRuntime;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly resources: PodResources;
  readonly images: ImageSource;
  readonly addresses: PodAddresses;
  readonly statuses: StatusWriter;
  readonly hostIp: string;
  readonly runHook: RunHook;
  readonly runProbe: RunProbe;
  recordEvent: RecordPodEvent;
  /** The engine has been listed: "no container" is known and not merely unseen. */
  ready(): boolean;
  /** Persists what must survive the agent. */
  save(uid: string, record: PodRecord): void;
  /** Removes the API object (grace 0, this uid only). */
  deleteObject(pod: Pod): Promise<void>;
  /** The pod is over and everything of it is gone. */
  onGone(uid: string): void;
}

export interface PodWorker extends AsyncDisposable {
  readonly uid: string;
  readonly pod: Pod;
  readonly status: PodStatus | undefined;
  readonly ip: string | undefined;
  /** It is over: nothing of it runs or will run. */
  readonly finished: boolean;
  readonly records: readonly ContainerRecord[];
  /** The pod as the API has it now. */
  update(pod: Pod): void;
  /** The object is gone (or was never meant to be): end what runs. */
  end(): void;
  observe(record: ContainerRecord): void;
  observeGone(id: string): void;
  /** What a full list of the engine, begun at `listedAtMs`, says of this pod. */
  observeAll(records: readonly ContainerRecord[], listedAt: number): void;
  wake(): void;
  /** What the pod as a whole was waiting for may be there: try at once. */
  retry(): void;
  /** Brings mounted ConfigMaps and Secrets up to date. */
  refreshVolumes(): void;
}

/** Of the engine's own troubles the first retry comes quickly. */
const TRANSIENT_RETRY = { initialMs: 500, maxMs: 30_000, factor: 2 };
/** What a volume waits for is often made a moment later (a new namespace's ConfigMap); upstream's. */
const MOUNT_BACKOFF = { initialMs: 500, maxMs: 122_000, factor: 2 };
/** How long a fresh pull error is shown before the back-off is. */
const SHOW_PULL_ERROR_MS = 1_000;
/** postStart has no time-out in Kubernetes; ours ends with the day. */
const POST_START_TIMEOUT_MS = 86_400_000;

export function createPodWorker(context: PodWorkerContext, initial: PodRecord): PodWorker {
  const { runtime, clock, resources } = context;
  const uid = initial.pod.metadata.uid ?? '';
  const logger = context.logger.child({ component: 'pod-worker', pod: initial.pod.metadata.name, uid });
  const records = new Map<string, ContainerRecord>();
  /** When a record was last touched here, in ticks: a list that began earlier knows less. */
  const touched = new Map<string, number>();
  const problems = new Map<string, Problem>();
  const images = new Map<string, { readonly reference: string; readonly image: ImageRecord }>();
  const postStart = new Map<string, HookState>();
  const lastWords = createLastWords({ runtime, resources, clock, wake });
  const busy = new Set<string>();
  const jobs = new Set<Promise<void>>();
  const abort = new AbortController();
  let pod = initial.pod;
  let ip = initial.ip;
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
  const event = (
    item: PlannedContainer | undefined,
    type: 'Normal' | 'Warning',
    reason: string,
    message: string,
  ): void =>
    context.recordEvent(pod, { type, reason, message, ...(item ? { fieldPath: fieldPath(item) } : {}) });

  const probes: PodProbes = createPodProbes({
    clock,
    run: (item, containerId, kind, timeoutMs) =>
      context.runProbe({ pod, container: item.container, containerId, ip, kind, timeoutMs }),
    onTrouble: (item, kind, { success, message }) =>
      success
        ? event(item, 'Warning', 'ProbeWarning', `${kind} probe warning: ${message}`)
        : event(item, 'Warning', 'Unhealthy', `${kind} probe failed: ${message}`),
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
    refresh,
    wake,
  });

  function view(): PodView {
    const planned = containersOf(pod);
    const current = [...records.values()];
    probes.follow(planned, current, postStart);
    return {
      pod: { ...pod, status: { ...pod.status, ...(status?.phase ? { phase: status.phase } : {}) } },
      nowMs: clock.now(),
      records: current,
      specHashes: new Map(planned.map(({ container }) => [container.name, specHash(container)])),
      needsSandbox: sandboxNeeded(pod),
      needsIp: pod.spec.hostNetwork !== true,
      ip,
      volumes,
      images: new Set(
        planned
          .filter(({ container }) => images.get(container.name)?.reference === container.image)
          .map(({ container }) => container.name),
      ),
      problems,
      probes: probes.verdicts(),
      postStart,
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
    status = next;
    if (changed) save();
    if (!removed) context.statuses.submit(pod, next);
  }

  function save(): void {
    context.save(uid, {
      pod,
      startTimeMs,
      ...(status ? { status } : {}),
      ...(ip === undefined ? {} : { ip }),
      ...(verdict ? { verdict } : {}),
    });
  }

  async function attempt(step: Exclude<PodStep, { type: 'wait' }>): Promise<void> {
    const name =
      step.type === 'start-container' || step.type === 'pull-image' ? step.container.container.name : '';
    try {
      await execute(step);
      if (step.type === 'start-container' || step.type === 'allocate-ip') problems.delete(name);
    } catch (error) {
      fail(step, name, error);
    }
  }

  function fail(step: { readonly type: string }, name: string, error: unknown): void {
    if (abort.signal.aborted) return;
    const before = problems.get(name);
    const failures = (before?.failures ?? 0) + 1;
    const transient =
      error instanceof RuntimeError && ['transient', 'unavailable', 'conflict'].includes(error.code);
    const expected = error instanceof StepProblem || error instanceof RuntimeError;
    const lasting = step.type === 'ensure-volumes' ? MOUNT_BACKOFF : RESTART_BACKOFF;
    const backoff = transient || !(error instanceof StepProblem) ? TRANSIENT_RETRY : lasting;
    const reason =
      error instanceof StepProblem
        ? error.reason
        : name === ''
          ? 'FailedCreatePodSandBox'
          : 'CreateContainerError';
    const retryAtMs = clock.now() + backoffDelayMs(backoff, failures);
    problems.set(name, { reason, message: errorMessage(error), failures, retryAtMs });
    logger[expected ? 'info' : 'error']({ step: step.type, error, failures }, 'Step failed, will try again');
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
        ip = await context.addresses.allocate(uid);
        return save();
      case 'ensure-volumes':
        busy.add('volumes');
        return launch(ensureVolumes);
      case 'pull-image':
        busy.add('pull');
        return launch(() => pull(step.container));
      case 'start-sandbox':
        return startSandbox(step.attempt);
      case 'start-container':
        return startContainer(step);
      case 'run-post-start':
        postStart.set(step.containerId, 'running');
        return launch(() => runPostStart(step.container, step.containerId));
      case 'stop-container':
        return stops.begin(step);
      case 'remove-container':
        await runtime.remove(step.record.id);
        return observeGone(step.record.id);
      case 'write-final-status':
        return writeFinalStatus();
      case 'tear-down':
        return tearDown();
    }
  }

  async function ensureVolumes(): Promise<void> {
    try {
      await resources.ensureVolumes(pod, ip);
      volumes = 'ready';
      problems.delete('');
    } catch (error) {
      fail({ type: 'ensure-volumes' }, '', error);
      const reason = error instanceof StepProblem ? error.reason : 'FailedMount';
      event(undefined, 'Warning', reason, errorMessage(error));
    } finally {
      busy.delete('volumes');
    }
  }

  async function pull(item: PlannedContainer): Promise<void> {
    const { name, image: reference = '' } = item.container;
    try {
      const result = await context.images.ensure(pod, item.container, (told) =>
        event(item, told.type, told.reason, told.message),
      );
      if (result.ok) {
        images.set(name, { reference, image: result.image });
        problems.delete(name);
        return;
      }
      const failures = (problems.get(name)?.failures ?? 0) + 1;
      // The manager turns a fresh failure into a back-off when it is asked again; without a time only the user can help.
      const delayMs = result.reason === 'ErrImagePull' ? SHOW_PULL_ERROR_MS : result.retryAfterMs;
      const retryAtMs = delayMs === undefined ? Number.POSITIVE_INFINITY : clock.now() + delayMs;
      problems.set(name, { reason: result.reason, message: result.message, failures, retryAtMs });
    } catch (error) {
      fail({ type: 'pull-image' }, name, error);
    } finally {
      busy.delete('pull');
    }
  }

  async function startSandbox(attemptNumber: number): Promise<void> {
    const spec = await resources.planSandbox(pod, ip, attemptNumber);
    const id = await runtime.create(spec);
    await runtime.start(id);
    await refresh(id);
    problems.delete('');
  }

  async function startContainer(step: Extract<PodStep, { type: 'start-container' }>): Promise<void> {
    const { container: item, attempt: number, backoffLevel, sandbox } = step;
    const image = images.get(item.container.name)?.image;
    if (!image) return;
    const plan = await resources.planContainer({
      pod,
      ip,
      container: item.container,
      role: item.role,
      attempt: number,
      sandboxId: sandbox?.record.id,
      image,
    });
    if (!plan.ok) {
      event(item, 'Warning', 'Failed', `Error: ${plan.message}`);
      throw new StepProblem(plan.reason, plan.message);
    }
    const labels = {
      ...plan.spec.labels,
      [agentLabels.backoffLevel]: String(backoffLevel),
      [agentLabels.sandboxAttempt]: String(sandbox?.attempt ?? 0),
    };
    let id: string;
    try {
      id = await runtime.create({ ...plan.spec, labels });
    } catch (error) {
      if (error instanceof RuntimeError && error.code === 'image-missing') images.delete(item.container.name);
      event(item, 'Warning', 'Failed', `Error: ${errorMessage(error)}`);
      throw error;
    }
    event(item, 'Normal', 'Created', `Created container: ${item.container.name}`);
    if (item.container.lifecycle?.postStart) postStart.set(id, 'pending');
    try {
      await runtime.start(id);
      event(item, 'Normal', 'Started', `Started container ${item.container.name}`);
    } catch (error) {
      // A failed start that the engine has recorded is an attempt that ended; the restart rules take it from there.
      postStart.delete(id);
      await refresh(id);
      event(item, 'Warning', 'Failed', `Error: ${errorMessage(error)}`);
      if (records.get(id)?.phase === 'exited') return;
      throw error;
    }
    // `Always` means that each attempt asks the registry what the name means now.
    if (item.container.imagePullPolicy === 'Always') images.delete(item.container.name);
    await refresh(id);
  }

  async function runPostStart(item: PlannedContainer, containerId: string): Promise<void> {
    try {
      const hook = 'postStart';
      const timeoutMs = POST_START_TIMEOUT_MS;
      await context.runHook({ pod, container: item.container, containerId, ip, hook, timeoutMs });
      postStart.set(containerId, 'done');
    } catch (error) {
      postStart.set(containerId, 'failed');
      event(item, 'Warning', 'FailedPostStartHook', `PostStartHook failed: ${errorMessage(error)}`);
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

  async function refresh(id: string): Promise<void> {
    const record = await runtime.inspect(id);
    if (record) observe(record);
    else observeGone(id);
  }

  function observe(record: ContainerRecord): void {
    const before = records.get(record.id);
    // An answer from before the end must not bring a container back to life.
    const stale =
      before?.phase === 'exited' &&
      record.phase === 'running' &&
      (record.startedAtMs ?? 0) <= (before.startedAtMs ?? 0);
    if (stale) return;
    records.set(record.id, record);
    touched.set(record.id, clock.now());
    if (record.phase === 'exited' && before?.phase !== 'exited') onEnded(record);
    wake();
  }

  function observeGone(id: string): void {
    records.delete(id);
    touched.delete(id);
    postStart.delete(id);
    lastWords.forget(id);
    wake();
  }

  /** Asks for the last words, and says so when the next attempt has to wait. */
  function onEnded(record: ContainerRecord): void {
    const name = record.labels[labelKeys.containerName] ?? '';
    const item = containersOf(pod).find((candidate) => candidate.container.name === name);
    const ended = attemptsOf([record], name)[0];
    if (!item || !ended) return;
    const restart = planRestart(ended);
    if (restart.delayMs > 0 && endingSinceMs === undefined && pod.spec.restartPolicy !== 'Never') {
      event(item, 'Warning', 'BackOff', capitalised(backOffMessage(pod, item.container, restart.delayMs)));
    }
    lastWords.read(pod, item, ended);
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
    get records() {
      return [...records.values()];
    },
    update(next) {
      const changed =
        !jsonEqual(next.spec, pod.spec) || !jsonEqual(next.metadata.labels, pod.metadata.labels);
      pod = next;
      if (next.metadata.deletionTimestamp !== undefined) beginEnding();
      if (changed) {
        problems.clear();
        save();
      }
      wake();
    },
    end() {
      removed = true;
      beginEnding();
      wake();
    },
    observe,
    observeGone,
    observeAll(listed, listedAt) {
      const ids = new Set(listed.map((record) => record.id));
      for (const record of listed) if ((touched.get(record.id) ?? 0) <= listedAt) observe(record);
      for (const id of [...records.keys()]) {
        if (!ids.has(id) && (touched.get(id) ?? 0) < listedAt) observeGone(id);
      }
      wake();
    },
    wake,
    retry() {
      problems.delete('');
      wake();
    },
    refreshVolumes() {
      if (volumes !== 'ready' || endingSinceMs !== undefined || (pod.spec.volumes ?? []).length === 0) return;
      launch(() =>
        resources
          .ensureVolumes(pod, ip)
          .catch((error: unknown) => logger.info({ error: errorMessage(error) }, 'Cannot refresh volumes')),
      );
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

function parseTime(text: unknown): number | undefined {
  const ms = typeof text === 'string' ? Date.parse(text) : Number.NaN;
  return Number.isNaN(ms) ? undefined : ms;
}

const capitalised = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
