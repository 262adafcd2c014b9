/** The next container to start: init containers one after the other, then all the others. Pure. */
import { isOtherSpec, specHash } from '../container-spec/identity.ts';
import type { SandboxRecord } from '../runtime/types.ts';
import { isBlocked } from './plan-ending.ts';
import { planRestart, wantsRestart } from './plan-restart.ts';
import type { PodStep } from './pod-step.ts';
import { type Attempt, attemptsOf, type PlannedContainer, type PodView, reportedOf } from './pod-view.ts';

export function planStarts(view: PodView, timers: number[]): PodStep | undefined {
  const sandbox = view.sandboxes.find(({ phase }) => phase !== 'dead');
  if (!sandbox) return undefined;
  const initialized = isInitialized(view, sandbox.attempt);
  for (const item of view.planned) {
    if (initialized && item.role === 'init') continue;
    const latest = attemptsOf(view.records, item.container.name)[0];
    const current = latest?.sandboxAttempt === sandbox.attempt ? latest : undefined;
    const state = current ? current.record.phase : 'none';
    if (state === 'running') {
      if (initialized || isPassable(view, item, current)) continue;
      return undefined;
    }
    if (item.role === 'init' && state === 'exited' && current?.record.exitCode === 0) continue;
    const step = planStart(view, item, { latest, current, sandbox }, timers);
    if (step) return step;
    // An init container that waits, or has failed for good, holds back everything after it.
    if (!initialized && item.role !== 'main') return undefined;
  }
  return undefined;
}

interface Before {
  readonly latest: Attempt | undefined;
  /** The latest attempt, if it was made in this sandbox. */
  readonly current: Attempt | undefined;
  readonly sandbox: SandboxRecord;
}

function planStart(
  view: PodView,
  item: PlannedContainer,
  before: Before,
  timers: number[],
): PodStep | undefined {
  const { name } = item.container;
  const next = nextAttempt(view, item, before, timers);
  if (!next || isBlocked(view, name, timers)) return undefined;
  if (!view.images.has(name)) {
    return view.busy.has('pull') ? undefined : { type: 'pull-image', container: item };
  }
  return { type: 'start-container', container: item, ...next, sandbox: before.sandbox };
}

function nextAttempt(
  view: PodView,
  item: PlannedContainer,
  { latest, current }: Before,
  timers: number[],
): { readonly attempt: number; readonly backoffLevel: number } | undefined {
  if (!latest) return { attempt: firstAttempt(view, item.container.name), backoffLevel: 0 };
  if (current?.record.phase === 'created') {
    return { attempt: current.attempt, backoffLevel: current.backoffLevel };
  }
  const attempt = latest.attempt + 1;
  // One that was only created, in a sandbox that has died since, has not run yet.
  const neverRan = latest.record.phase === 'created';
  const isWanted = neverRan || wantsRestart(view.pod, item, latest.record.exitCode ?? 0);
  // An init container of a dead sandbox runs again, even after a success.
  if (!isWanted && (current || item.role !== 'init')) return undefined;
  if (!current) return { attempt, backoffLevel: 0 };
  // Another image has not failed yet.
  if (isOtherSpec(latest.specHash, specHash(item.container))) return { attempt, backoffLevel: 0 };
  const restart = planRestart(latest);
  if (restart.atMs <= view.nowMs) return { attempt, backoffLevel: restart.level };
  timers.push(restart.atMs);
  return undefined;
}

/** A container that ran and was removed by hand counts as restarted. Its files are not reused. */
function firstAttempt({ pod }: PodView, name: string): number {
  const { restartCount = 0, state, lastState } = reportedOf(pod.status, name) ?? {};
  return (state?.running ?? state?.terminated ?? lastState?.terminated) ? restartCount + 1 : restartCount;
}

type Progress = Pick<PodView, 'postStart' | 'probes'>;

/** A started sidecar lets later init containers start. A plain init container has to end first. */
function isPassable(view: Progress, item: PlannedContainer, attempt: Attempt | undefined): boolean {
  if (item.role === 'main') return true;
  if (item.role === 'init' || !attempt) return false;
  const hook = view.postStart.get(attempt.record.id) ?? 'done';
  return hook === 'done' && (view.probes.get(attempt.record.id)?.started ?? true);
}

/** All init containers are done. A main container in this sandbox proves that they once were. */
export function isInitialized(
  view: Progress & Pick<PodView, 'planned' | 'records'>,
  sandboxAttempt: number,
): boolean {
  const { planned } = view;
  const here = (name: string): Attempt | undefined =>
    attemptsOf(view.records, name).find((attempt) => attempt.sandboxAttempt === sandboxAttempt);
  if (planned.some((item) => item.role === 'main' && here(item.container.name))) return true;
  return planned
    .filter((item) => item.role !== 'main')
    .every((item) => {
      const attempt = here(item.container.name);
      if (item.role === 'init') return attempt?.record.phase === 'exited' && attempt.record.exitCode === 0;
      return attempt?.record.phase === 'running' && isPassable(view, item, attempt);
    });
}

/** No main container runs or will ever run again, or an init container has failed for good. */
export function mainsAreOver(view: Pick<PodView, 'planned' | 'records' | 'pod'>): boolean {
  const { planned } = view;
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
