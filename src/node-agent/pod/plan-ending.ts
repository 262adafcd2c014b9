/** A pod that is over or being deleted: it stops everything and gives back what it holds. Pure. */
import type { ContainerRecord } from '../runtime/types.ts';
import { planStop } from './plan-stop.ts';
import { type PodStep, waitFor } from './pod-step.ts';
import { CLEANUP, graceSecondsOf, isLive, membersOf, nameOf, type PodView } from './pod-view.ts';

/**
 * An engine frees the address of an ended container a moment late. A pod keeps its own for so long.
 */
const MIN_REFUSALS = 3;

/** Containers, then the last status, then everything on disk, then the object. */
export function planEnding(view: PodView, timers: number[]): PodStep {
  const stop = stopAll(view, timers);
  if (stop) return stop;
  // A pull leaves nothing behind. Volumes that are being made would be.
  if (view.busy.has('volumes')) return waitFor(timers);
  // The API or the engine may be away, and the rest takes long then.
  if (view.holdsIp && !view.records.some(isStartable)) return { type: 'release-ip' };
  if (isBlocked(view, CLEANUP, timers)) return waitFor(timers);
  if (!view.removed && !view.finalStatusWritten) return { type: 'write-final-status' };
  const [left] = membersOf(view);
  if (left) return { type: 'remove-container', record: left };
  return removeSandbox(view) ?? { type: 'tear-down' };
}

/** The pod has ended by itself. Its object may stay for days, and needs no address. */
export function planOver(view: PodView, timers: number[]): PodStep {
  return stopAll(view, timers) ?? planRelease(view, timers) ?? waitFor(timers);
}

/** A created container can still start, if a request's answer was lost. It goes first. */
function planRelease(view: PodView, timers: number[]): PodStep | undefined {
  if (!view.holdsIp) return undefined;
  const startable = view.records.find(isStartable);
  if (!startable) return { type: 'release-ip' };
  const blocked = [...view.problems.keys()].filter((subject) => isBlocked(view, subject, timers));
  return blocked.length > 0 ? undefined : removalOf(view, startable);
}

/** The engine refuses the address for ever once another container has it. The pod takes another. */
export function planOtherAddress(view: PodView): PodStep | undefined {
  const { ip, problems, records } = view;
  const isRefused = [...problems.values()].some(
    ({ refusedIp, failures }) => refusedIp !== undefined && refusedIp === ip && failures >= MIN_REFUSALS,
  );
  if (!isRefused || records.some(isLive)) return undefined;
  const startable = records.find(isStartable);
  return startable ? removalOf(view, startable) : { type: 'replace-ip' };
}

/** Main and init containers stop together, then sidecars in reverse order, then the sandbox. */
export function stopAll(view: PodView, timers: number[]): PodStep | undefined {
  const { nowMs, endingSinceMs = nowMs } = view;
  const deadlineMs = Math.max(endingSinceMs + graceSecondsOf(view.pod) * 1_000, nowMs);
  const group = nextToStop(view);
  for (const record of group) {
    const container = view.planned.find((item) => item.container.name === nameOf(record));
    const step = planStop(view, { record, container, reason: 'pod-ended', deadlineMs }, timers);
    if (step) return step;
  }
  if (group.length > 0) return waitFor(timers);
  const sandbox = view.sandboxes.find(({ phase }) => phase === 'ready');
  if (!sandbox) return undefined;
  return isBlocked(view, CLEANUP, timers) ? waitFor(timers) : { type: 'stop-sandbox', id: sandbox.id };
}

function nextToStop(view: PodView): readonly ContainerRecord[] {
  const sidecars = view.planned.filter(({ role }) => role === 'sidecar').reverse();
  const live = membersOf(view).filter(isLive);
  const first = live.filter((record) => !sidecars.some(({ container }) => container.name === nameOf(record)));
  if (first.length > 0) return first;
  const groups = sidecars.map(({ container }) => live.filter((record) => nameOf(record) === container.name));
  return groups.find((group) => group.length > 0) ?? [];
}

const isStartable = (record: ContainerRecord): boolean => record.phase === 'created';

const removalOf = (view: PodView, record: ContainerRecord): PodStep =>
  membersOf(view).includes(record)
    ? { type: 'remove-container', record }
    : { type: 'remove-sandbox', id: record.id };

function removeSandbox({ sandboxes }: PodView): PodStep | undefined {
  const dead = sandboxes.find(({ phase }) => phase === 'dead');
  return dead && { type: 'remove-sandbox', id: dead.id };
}

/** A failure holds this subject back for now. */
export function isBlocked(view: PodView, subject: string, timers: number[]): boolean {
  const problem = view.problems.get(subject);
  if (!problem || problem.retryAtMs <= view.nowMs) return false;
  timers.push(problem.retryAtMs);
  return true;
}
