/**
 * One pod, one next step. Pure: the pod worker executes what is answered, observes again and asks again, so that a step
 * that was lost, doubled or half done leads to the same place.
 *
 * Invariant 4: a container is started only when no attempt of that name is alive, and by a name that the attempt's
 * number determines, so that a second start finds the first one's container.
 */
import { isOtherSpec } from '../container-spec/identity.ts';
import type { ContainerRecord } from '../runtime/types.ts';
import { planRestart, wantsRestart } from './plan-restart.ts';
import {
  type Attempt,
  CLEANUP,
  type PlannedContainer,
  type PodVerdict,
  type PodView,
  attemptsOf,
  containersOf,
  graceSecondsOf,
  isLive,
  isTerminal,
  sandboxesOf,
} from './pod-view.ts';

export type StopReason =
  | 'pod-ended'
  | 'liveness-probe'
  | 'startup-probe'
  | 'post-start-hook'
  | 'spec-changed'
  | 'sandbox-changed'
  | 'duplicate';

export type PodStep =
  | { readonly type: 'set-verdict'; readonly verdict: PodVerdict }
  | { readonly type: 'allocate-ip' }
  | { readonly type: 'release-ip' }
  | { readonly type: 'ensure-volumes' }
  | { readonly type: 'pull-image'; readonly container: PlannedContainer }
  | { readonly type: 'start-sandbox'; readonly attempt: number }
  | {
      readonly type: 'start-container';
      readonly container: PlannedContainer;
      readonly attempt: number;
      readonly backoffLevel: number;
      readonly sandbox: Attempt | undefined;
    }
  | { readonly type: 'run-post-start'; readonly container: PlannedContainer; readonly containerId: string }
  | {
      readonly type: 'stop-container';
      readonly record: ContainerRecord;
      readonly container: PlannedContainer | undefined;
      readonly reason: StopReason;
      readonly deadlineMs: number;
      readonly runPreStop: boolean;
    }
  | { readonly type: 'remove-container'; readonly record: ContainerRecord }
  | { readonly type: 'write-final-status' }
  | { readonly type: 'tear-down' }
  | { readonly type: 'wait'; readonly untilMs: number | undefined };

const wait = (untilMs?: number): PodStep => ({ type: 'wait', untilMs });

/** What clears away: it fails apart from what starts, and neither holds up the other. */
const CLEANUP_STEPS: ReadonlySet<PodStep['type']> = new Set([
  'remove-container',
  'write-final-status',
  'tear-down',
]);

/** Under which a step's failure is kept: its container's name, `''` for the pod itself. */
export function subjectOf(step: PodStep): string {
  if (CLEANUP_STEPS.has(step.type)) return CLEANUP;
  return step.type === 'start-container' || step.type === 'pull-image' ? step.container.container.name : '';
}

/** When clearing away may be tried again after it failed; undefined: now. */
function cleanupAtMs({ problems, nowMs }: PodView): number | undefined {
  const atMs = problems.get(CLEANUP)?.retryAtMs ?? nowMs;
  return atMs > nowMs ? atMs : undefined;
}

/** SIGKILL may be this late against a deadline before it is asked for again. */
const STOP_TOLERANCE_MS = 250;
/** What a container without a chance still gets. */
const AT_ONCE_MS = 0;

export function planPodStep(view: PodView): PodStep {
  const planned = containersOf(view.pod);
  if (view.endingSinceMs !== undefined) return planEnding(view, planned);
  const verdict = planVerdict(view);
  if (verdict) return { type: 'set-verdict', verdict };
  if (view.verdict !== undefined || isTerminal(view.pod))
    return stopAll(view, planned, 'pod-ended') ?? planRelease(view) ?? wait();
  return planRunning(view, planned);
}

/** activeDeadlineSeconds: the only end that time alone decides. */
function planVerdict(view: PodView): PodVerdict | undefined {
  const deadlineMs = activeDeadlineMs(view);
  if (deadlineMs === undefined || view.verdict !== undefined || isTerminal(view.pod)) return undefined;
  if (view.nowMs < deadlineMs) return undefined;
  return {
    reason: 'DeadlineExceeded',
    message: 'Pod was active on the node longer than the specified deadline',
  };
}

function activeDeadlineMs(view: PodView): number | undefined {
  const seconds = view.pod.spec.activeDeadlineSeconds;
  if (seconds === undefined || seconds === null || view.startTimeMs === undefined) return undefined;
  return view.startTimeMs + seconds * 1_000;
}

/**
 * A pod that is over needs its address no more; its object may stay for days. Called when nothing of
 * the pod is alive and nothing of it will be started. A container that was created can still start,
 * by a request whose answer was lost, so it goes first.
 */
function planRelease(view: PodView): PodStep | undefined {
  if (!view.holdsIp) return undefined;
  const startable = view.records.find(isStartable);
  if (!startable) return { type: 'release-ip' };
  const retryAtMs = Math.max(...[...view.problems.values()].map((problem) => problem.retryAtMs));
  return retryAtMs > view.nowMs ? wait(retryAtMs) : { type: 'remove-container', record: startable };
}

const isStartable = (record: ContainerRecord): boolean => record.phase === 'created';

/** The pod is being deleted: containers, then its last status, then what it left on disk, then the object. */
function planEnding(view: PodView, planned: readonly PlannedContainer[]): PodStep {
  const stop = stopAll(view, planned, 'pod-ended');
  if (stop) return stop;
  // A pull may take for ever and leaves nothing behind; volumes being made would be left behind.
  if (view.busy.has('volumes')) return wait();
  // The rest may take long: the API or the engine may be away.
  if (view.holdsIp && !view.records.some(isStartable)) return { type: 'release-ip' };
  const retryAtMs = cleanupAtMs(view);
  if (retryAtMs !== undefined) return wait(retryAtMs);
  if (!view.removed && !view.finalStatusWritten) return { type: 'write-final-status' };
  const [left] = view.records;
  if (left) return { type: 'remove-container', record: left };
  return { type: 'tear-down' };
}

/**
 * Stops what is alive: main and init containers together, then sidecars in reverse order, the sandbox last.
 * Undefined when nothing is alive and nothing is being stopped.
 */
function stopAll(
  view: PodView,
  planned: readonly PlannedContainer[],
  reason: StopReason,
): PodStep | undefined {
  const sinceMs = view.endingSinceMs ?? view.nowMs;
  const deadlineMs = sinceMs + graceSecondsOf(view.pod) * 1_000;
  const byName = new Map(planned.map((item) => [item.container.name, item]));
  const nameOf = (record: ContainerRecord): string => record.labels['io.kubernetes.container.name'] ?? '';
  const live = view.records.filter(isLive);
  const sandboxes = new Set(sandboxesOf(live).map((sandbox) => sandbox.record.id));
  const members = live.filter((record) => !sandboxes.has(record.id));
  const sidecars = members.filter((record) => byName.get(nameOf(record))?.role === 'sidecar');
  const first = members.filter((record) => !sidecars.includes(record));
  const lastSidecar = [...planned]
    .reverse()
    .map((item) => sidecars.find((record) => nameOf(record) === item.container.name))
    .find((record) => record !== undefined);
  const group = first.length > 0 ? first : lastSidecar ? [lastSidecar] : live;
  if (group.length === 0) return undefined;
  for (const record of group) {
    const isSandbox = sandboxes.has(record.id);
    const due = isSandbox ? view.nowMs + AT_ONCE_MS : Math.max(deadlineMs, view.nowMs);
    const current = view.stopping.get(record.id);
    if (current && (isSandbox || current.deadlineMs <= due + STOP_TOLERANCE_MS)) continue;
    return {
      type: 'stop-container',
      record,
      container: byName.get(nameOf(record)),
      reason,
      deadlineMs: due,
      runPreStop: !isSandbox && current === undefined,
    };
  }
  return wait();
}

function planRunning(view: PodView, planned: readonly PlannedContainer[]): PodStep {
  const timers: number[] = [];
  const deadline = activeDeadlineMs(view);
  if (deadline !== undefined) timers.push(deadline);
  const waitForTimers = (): PodStep => wait(timers.length > 0 ? Math.min(...timers) : undefined);

  const duplicate = planDuplicates(view, planned);
  if (duplicate) return duplicate;

  const sandboxes = sandboxesOf(view.records);
  const sandbox = sandboxes.find((attempt) => isLive(attempt.record));
  const generation = view.needsSandbox ? (sandbox?.attempt ?? -1) : 0;

  if (mainsAreOver(view, planned)) {
    // Only sidecars and the sandbox are left: they have nobody to serve.
    return stopAll(view, planned, 'pod-ended') ?? removeSurplus(view, planned, timers) ?? waitForTimers();
  }

  const orphaned = view.needsSandbox ? planOrphans(view, planned, generation) : undefined;
  if (orphaned) return orphaned;

  const live = planLive(view, planned);
  if (live) return live;
  const blocked = view.problems.get('');
  if (blocked && blocked.retryAtMs > view.nowMs) {
    timers.push(blocked.retryAtMs);
    return waitForTimers();
  }
  if (view.needsIp && view.ip === undefined) return { type: 'allocate-ip' };
  if (view.volumes === 'missing')
    return view.busy.has('volumes') ? waitForTimers() : { type: 'ensure-volumes' };
  if (view.needsSandbox && !sandbox) {
    return { type: 'start-sandbox', attempt: (sandboxes[0]?.attempt ?? -1) + 1 };
  }

  const next = planStarts(view, planned, generation, sandbox, timers);
  return next ?? removeSurplus(view, planned, timers) ?? waitForTimers();
}

/** Two live attempts of one name (doubled work, an agent that came back): the older one goes. */
function planDuplicates(view: PodView, planned: readonly PlannedContainer[]): PodStep | undefined {
  for (const item of planned) {
    const alive = attemptsOf(view.records, item.container.name).filter(({ record }) => isLive(record));
    const surplus = alive.slice(1).find(({ record }) => !view.stopping.has(record.id));
    if (surplus) return stop(view, item, surplus, 'duplicate', 0);
  }
  return undefined;
}

/** Containers of a sandbox that died: their network is gone, so they end. */
function planOrphans(
  view: PodView,
  planned: readonly PlannedContainer[],
  generation: number,
): PodStep | undefined {
  let ending = false;
  for (const item of planned) {
    for (const attempt of attemptsOf(view.records, item.container.name)) {
      if (!isLive(attempt.record) || attempt.sandboxAttempt === generation) continue;
      if (!view.stopping.has(attempt.record.id)) return stop(view, item, attempt, 'sandbox-changed');
      ending = true;
    }
  }
  return ending ? wait() : undefined;
}

/** What running containers need: their hook, or their end. */
function planLive(view: PodView, planned: readonly PlannedContainer[]): PodStep | undefined {
  for (const item of planned) {
    const attempt = attemptsOf(view.records, item.container.name)[0];
    if (!attempt || !isLive(attempt.record) || view.stopping.has(attempt.record.id)) continue;
    const hook = view.postStart.get(attempt.record.id);
    if (hook === 'pending') {
      return { type: 'run-post-start', container: item, containerId: attempt.record.id };
    }
    if (hook === 'failed') return stop(view, item, attempt, 'post-start-hook');
    const failed = view.probes.get(attempt.record.id)?.failed;
    if (failed) {
      const reason = failed.kind === 'Liveness' ? 'liveness-probe' : 'startup-probe';
      return stop(view, item, attempt, reason, failed.graceSeconds);
    }
    const hash = view.specHashes.get(item.container.name);
    if (hash !== undefined && isOtherSpec(attempt.specHash, hash)) {
      return stop(view, item, attempt, 'spec-changed');
    }
  }
  return undefined;
}

/** The next container to start: init containers one after the other, then all the others. */
function planStarts(
  view: PodView,
  planned: readonly PlannedContainer[],
  generation: number,
  sandbox: Attempt | undefined,
  timers: number[],
): PodStep | undefined {
  const initialized = isInitialized(view, planned, generation);
  for (const item of planned) {
    if (initialized && item.role === 'init') continue;
    const latest = attemptsOf(view.records, item.container.name)[0];
    const current = latest && latest.sandboxAttempt === generation ? latest : undefined;
    const state = current ? current.record.phase : 'none';
    if (state === 'running') {
      if (initialized || isPassable(view, item, current)) continue;
      return undefined;
    }
    if (item.role === 'init' && state === 'exited' && current?.record.exitCode === 0) continue;
    const step = planStart(view, item, latest, current, sandbox, timers);
    if (step) return step;
    // An init container that has to wait (or has failed for good) holds back everything after it.
    if (!initialized && item.role !== 'main') return undefined;
  }
  return undefined;
}

function planStart(
  view: PodView,
  item: PlannedContainer,
  latest: Attempt | undefined,
  current: Attempt | undefined,
  sandbox: Attempt | undefined,
  timers: number[],
): PodStep | undefined {
  let attempt = 0;
  let backoffLevel = 0;
  if (current?.record.phase === 'created') {
    attempt = current.attempt;
    backoffLevel = current.backoffLevel;
  } else if (latest) {
    const ended = latest.record;
    if (item.role !== 'init' && !wantsRestart(view.pod, item, ended.exitCode ?? 0)) return undefined;
    if (latest === current) {
      if (!wantsRestart(view.pod, item, ended.exitCode ?? 0)) return undefined;
      const hash = view.specHashes.get(item.container.name);
      const changed = hash !== undefined && isOtherSpec(latest.specHash, hash);
      const restart = planRestart(latest);
      if (restart.atMs > view.nowMs && !changed) {
        timers.push(restart.atMs);
        return undefined;
      }
      // Another image or command has not failed yet.
      backoffLevel = changed ? 0 : restart.level;
    }
    attempt = latest.attempt + 1;
  }
  const problem = view.problems.get(item.container.name);
  if (problem && problem.retryAtMs > view.nowMs) {
    timers.push(problem.retryAtMs);
    return undefined;
  }
  if (!view.images.has(item.container.name)) {
    return view.busy.has('pull') ? undefined : { type: 'pull-image', container: item };
  }
  return { type: 'start-container', container: item, attempt, backoffLevel, sandbox };
}

/** Later init containers may start once a sidecar has started; a plain init container has to end first. */
function isPassable(
  view: Pick<PodView, 'postStart' | 'probes'>,
  item: PlannedContainer,
  attempt: Attempt | undefined,
): boolean {
  if (item.role === 'main') return true;
  if (item.role === 'init' || !attempt) return false;
  const hook = view.postStart.get(attempt.record.id) ?? 'done';
  return hook === 'done' && (view.probes.get(attempt.record.id)?.started ?? true);
}

/** All init containers are through, or a main container proves that they once were (under this sandbox). */
export function isInitialized(
  view: Pick<PodView, 'records' | 'postStart' | 'probes'>,
  planned: readonly PlannedContainer[],
  generation: number,
): boolean {
  const here = (name: string): Attempt | undefined =>
    attemptsOf(view.records, name).find((attempt) => attempt.sandboxAttempt === generation);
  if (planned.some((item) => item.role === 'main' && here(item.container.name))) return true;
  return planned
    .filter((item) => item.role !== 'main')
    .every((item) => {
      const attempt = here(item.container.name);
      if (item.role === 'init') return attempt?.record.phase === 'exited' && attempt.record.exitCode === 0;
      return attempt?.record.phase === 'running' && isPassable(view, item, attempt);
    });
}

/** No main container runs or will ever run again; or an init container has failed for good. */
export function mainsAreOver(
  view: Pick<PodView, 'records' | 'pod'>,
  planned: readonly PlannedContainer[],
): boolean {
  const latest = (item: PlannedContainer): Attempt | undefined =>
    attemptsOf(view.records, item.container.name)[0];
  const isOver = (item: PlannedContainer): boolean => {
    const attempt = latest(item);
    if (attempt?.record.phase !== 'exited') return false;
    return !wantsRestart(view.pod, item, attempt.record.exitCode ?? 0);
  };
  const initFailed = planned.some(
    (item) => item.role === 'init' && isOver(item) && latest(item)?.record.exitCode !== 0,
  );
  const mains = planned.filter((item) => item.role === 'main');
  return initFailed || (mains.length > 0 && mains.every(isOver));
}

/** Of each container the last dead attempt stays (for `logs --previous`); older ones, and dead sandboxes, go. */
function removeSurplus(
  view: PodView,
  planned: readonly PlannedContainer[],
  timers: number[],
): PodStep | undefined {
  const retryAtMs = cleanupAtMs(view);
  if (retryAtMs !== undefined) {
    timers.push(retryAtMs);
    return undefined;
  }
  for (const item of planned) {
    const dead = attemptsOf(view.records, item.container.name).filter(
      ({ record }) => record.phase === 'exited' && !view.stopping.has(record.id),
    );
    const latest = attemptsOf(view.records, item.container.name)[0];
    const kept = latest && latest.record.phase === 'exited' ? 2 : 1;
    const surplus = dead[kept];
    if (surplus) return { type: 'remove-container', record: surplus.record };
  }
  const [, ...olderSandboxes] = sandboxesOf(view.records);
  const surplus = olderSandboxes.find(({ record }) => !isLive(record));
  return surplus ? { type: 'remove-container', record: surplus.record } : undefined;
}

function stop(
  view: PodView,
  item: PlannedContainer,
  attempt: Attempt,
  reason: StopReason,
  graceSeconds = view.pod.spec.terminationGracePeriodSeconds ?? 30,
): PodStep {
  return {
    type: 'stop-container',
    record: attempt.record,
    container: item,
    reason,
    deadlineMs: view.nowMs + graceSeconds * 1_000,
    runPreStop: reason !== 'duplicate',
  };
}
