/** A pod that runs or is to run: what must end, what the pod needs, what starts next. Pure. */
import { isOtherSpec, specHash } from '../container-spec/identity.ts';
import { isBlocked, planOtherAddress, stopAll } from './plan-ending.ts';
import { mainsAreOver, planStarts } from './plan-starts.ts';
import { planStop } from './plan-stop.ts';
import { type PodStep, waitFor } from './pod-step.ts';
import {
  type Attempt,
  attemptsOf,
  CLEANUP,
  DEFAULT_GRACE_SECONDS,
  isLive,
  type PlannedContainer,
  type PodView,
  type StopReason,
} from './pod-view.ts';

export function activeDeadlineMs({ pod, startTimeMs }: PodView): number | undefined {
  const seconds = pod.spec.activeDeadlineSeconds;
  if (seconds === undefined || seconds === null || startTimeMs === undefined) return undefined;
  return startTimeMs + seconds * 1_000;
}

export function planRunning(view: PodView, timers: number[]): PodStep {
  const deadlineMs = activeDeadlineMs(view);
  if (deadlineMs !== undefined) timers.push(deadlineMs);
  const clean = (): PodStep => removeSurplus(view, timers) ?? waitFor(timers);

  const duplicate = stopDuplicate(view, timers);
  if (duplicate) return duplicate;
  // Only sidecars and the sandbox are left, and they serve nobody.
  if (mainsAreOver(view)) return stopAll(view, timers) ?? clean();
  const ending = stopOrphans(view, timers) ?? planLive(view, timers);
  if (ending) return ending;
  if (isBlocked(view, '', timers)) return waitFor(timers);
  return planNeeds(view, timers) ?? planStarts(view, timers) ?? clean();
}

/** The pod needs its address, its volumes and its sandbox before a container starts. */
function planNeeds(view: PodView, timers: number[]): PodStep | undefined {
  const other = planOtherAddress(view);
  if (other) return isBlocked(view, CLEANUP, timers) ? waitFor(timers) : other;
  if (view.needsIp && view.ip === undefined) return { type: 'allocate-ip' };
  if (view.volumes === 'missing') {
    return view.busy.has('volumes') ? waitFor(timers) : { type: 'ensure-volumes' };
  }
  const isUsable = view.sandboxes.some(({ phase }) => phase !== 'dead');
  return isUsable ? undefined : { type: 'start-sandbox', attempt: nextSandbox(view) };
}

/** Containers of a sandbox that was removed by hand must not pass for those of the next one. */
function nextSandbox({ sandboxes, planned, records }: PodView): number {
  const joined = planned.flatMap(({ container }) => attemptsOf(records, container.name));
  const used = [...sandboxes.map(({ attempt }) => attempt), ...joined.map((one) => one.sandboxAttempt)];
  return Math.max(-1, ...used) + 1;
}

/** Two live attempts of one name, after doubled work or an agent's restart: the older one ends. */
function stopDuplicate(view: PodView, timers: number[]): PodStep | undefined {
  for (const item of view.planned) {
    const [, ...surplus] = attemptsOf(view.records, item.container.name).filter(({ record }) =>
      isLive(record),
    );
    for (const attempt of surplus) {
      const step = stop(view, item, attempt, 'duplicate', timers, 0);
      if (step) return step;
    }
  }
  return undefined;
}

/** Containers whose sandbox died have no network any more. */
function stopOrphans(view: PodView, timers: number[]): PodStep | undefined {
  const current = view.sandboxes.find(({ phase }) => phase !== 'dead')?.attempt;
  let areEnding = false;
  for (const item of view.planned) {
    for (const attempt of attemptsOf(view.records, item.container.name)) {
      if (!isLive(attempt.record) || attempt.sandboxAttempt === current) continue;
      const step = stop(view, item, attempt, 'sandbox-changed', timers);
      if (step) return step;
      areEnding = true;
    }
  }
  return areEnding ? waitFor(timers) : undefined;
}

/** A running container may need its hook, or its end. */
function planLive(view: PodView, timers: number[]): PodStep | undefined {
  for (const item of view.planned) {
    const attempt = attemptsOf(view.records, item.container.name)[0];
    if (!attempt || !isLive(attempt.record) || view.stopping.has(attempt.record.id)) continue;
    const { id } = attempt.record;
    if (view.postStart.get(id) === 'pending') {
      return { type: 'run-post-start', container: item, containerId: id };
    }
    const why = whyStop(view, item, attempt);
    if (!why) continue;
    const step = stop(view, item, attempt, why.reason, timers, why.graceSeconds);
    if (step) return step;
  }
  return undefined;
}

function whyStop(
  view: PodView,
  { container }: PlannedContainer,
  attempt: Attempt,
): { readonly reason: StopReason; readonly graceSeconds?: number | undefined } | undefined {
  if (view.postStart.get(attempt.record.id) === 'failed') return { reason: 'post-start-hook' };
  const failed = view.probes.get(attempt.record.id)?.failed;
  if (failed) {
    const reason = failed.kind === 'Liveness' ? 'liveness-probe' : 'startup-probe';
    return { reason, graceSeconds: failed.graceSeconds };
  }
  return isOtherSpec(attempt.specHash, specHash(container)) ? { reason: 'spec-changed' } : undefined;
}

/**
 * The dead attempt before the latest stays, for `logs --previous`. Older ones go, as do sandboxes.
 */
function removeSurplus(view: PodView, timers: number[]): PodStep | undefined {
  if (isBlocked(view, CLEANUP, timers)) return undefined;
  for (const item of view.planned) {
    const [, ...older] = attemptsOf(view.records, item.container.name);
    const of = (phase: string): readonly Attempt[] => older.filter(({ record }) => record.phase === phase);
    const surplus = of('created')[0] ?? of('exited')[1];
    if (surplus) return { type: 'remove-container', record: surplus.record };
  }
  const [, ...older] = view.sandboxes;
  const surplus = older.find(({ phase }) => phase === 'dead');
  return surplus && { type: 'remove-sandbox', id: surplus.id };
}

function stop(
  view: PodView,
  container: PlannedContainer,
  { record }: Attempt,
  reason: StopReason,
  timers: number[],
  graceSeconds = view.pod.spec.terminationGracePeriodSeconds ?? DEFAULT_GRACE_SECONDS,
): PodStep | undefined {
  // An end that has begun goes on by itself (continueStops).
  if (view.stopping.has(record.id)) return undefined;
  const deadlineMs = view.nowMs + graceSeconds * 1_000;
  return planStop(view, { record, container, reason, deadlineMs }, timers);
}
