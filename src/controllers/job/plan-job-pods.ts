/** The pods that a running Job creates or deletes; pure. */
import type { Rng } from '../../base/rng.ts';
import {
  firstMissing,
  type Intervals,
  intervalsOf,
  mergeIntervals,
} from '../../schemas/values/index-intervals.ts';
import type { Job, Pod } from '../../schemas/types.ts';
import { rankForDeletion } from '../replica-set/rank-pods.ts';
import { nextBackoff, remainingMs, remainingOfIndexMs } from './backoff.ts';
import {
  completionIndexOf,
  hasLimitPerIndex,
  isIndexed,
  isSuspended,
  replacesFailedOnly,
  validIndexOf,
} from './job-facts.ts';
import { podOfJob } from './job-pod.ts';
import { alike, namesOf, roomForPods } from '../owned-pod.ts';
import type { Tally } from './tally.ts';

/** Pods created, deleted or counted in one commit, as upstream; the rest follows in the next. */
export const BURST_PODS = 500;

/** At most one of both lists has pods. */
export interface PodChanges {
  readonly creates: readonly Pod[];
  readonly deletes: readonly Pod[];
  /** Milliseconds until failed pods may be replaced. */
  readonly waitMs?: number;
}

const NOTHING: PodChanges = { creates: [], deletes: [] };

export function planJobPods(job: Job, tally: Tally, rng: Rng, nowMs: number): PodChanges {
  const { active, terminating } = tally;
  if (isSuspended(job)) return { creates: [], deletes: active.slice(0, BURST_PODS) };
  const wanted = wantedPods(job, tally);
  const deletes = superfluous(job, active, active.length - wanted, nowMs).slice(0, BURST_PODS);
  if (deletes.length > 0) return { creates: [], deletes };
  const ending = replacesFailedOnly(job) ? terminating.length : 0;
  const missing = Math.min(wanted - ending - active.length, BURST_PODS, roomForPods(active));
  return missing > 0 ? planCreates(job, tally, { rng, missing }, nowMs) : NOTHING;
}

function wantedPods({ spec }: Job, { active, succeeded }: Tally): number {
  const { completions, parallelism = 1 } = spec;
  // After the first success of a work queue, running pods may end and no new one starts.
  if (typeof completions !== 'number') return succeeded > 0 ? active.length : parallelism;
  return Math.max(0, Math.min(completions - succeeded, parallelism));
}

function planCreates(
  job: Job,
  tally: Tally,
  { rng, missing }: { readonly rng: Rng; readonly missing: number },
  nowMs: number,
): PodChanges {
  const perIndex = hasLimitPerIndex(job);
  const failures = nextBackoff(tally.backoff, tally.newlySucceeded, tally.newlyFailed);
  const waitMs = perIndex ? 0 : remainingMs(failures, nowMs);
  if (waitMs > 0) return { ...NOTHING, waitMs };
  const taken = namesOf(tally.pods);
  if (!isIndexed(job))
    return { creates: alike(() => podOfJob(job, { rng, taken }), missing, rng, taken), deletes: [] };
  const pending = firstMissing(takenIndexes(job, tally), missing, job.spec.completions ?? 0);
  const waitOf = (index: number): number =>
    perIndex ? remainingOfIndexMs(tally.awaitingReplacement.get(index), nowMs) : 0;
  const waits = pending.map(waitOf);
  const due = pending.filter((_, at) => waits[at] === 0);
  if (due.length === 0) return pending.length > 0 ? { ...NOTHING, waitMs: Math.min(...waits) } : NOTHING;
  const creates = due.map((index) =>
    podOfJob(job, { rng, taken, index, replaces: tally.awaitingReplacement.get(index) }),
  );
  return { creates, deletes: [] };
}

function takenIndexes(job: Job, { succeededIndexes, failedIndexes, active, terminating }: Tally): Intervals {
  const busy = replacesFailedOnly(job) ? [...active, ...terminating] : active;
  const indexes = intervalsOf(busy.flatMap((pod) => completionIndexOf(pod) ?? []));
  return mergeIntervals(mergeIntervals(succeededIndexes, indexes), failedIndexes ?? []);
}

/** Deletes pods of wrong or doubled indexes always, and of the others the least advanced. */
function superfluous(job: Job, active: readonly Pod[], excess: number, nowMs: number): readonly Pod[] {
  const wrong = isIndexed(job) ? wrongIndexes(job, active, nowMs) : new Set<Pod>();
  const more = excess - wrong.size;
  if (more <= 0) return [...wrong];
  const others = active.filter((pod) => !wrong.has(pod));
  return [...wrong, ...rankForDeletion(others, [], nowMs).slice(0, more)];
}

function wrongIndexes(job: Job, active: readonly Pod[], nowMs: number): ReadonlySet<Pod> {
  const wrong = new Set<Pod>();
  const byIndex = new Map<number, Pod[]>();
  for (const pod of active) {
    const index = validIndexOf(pod, job);
    if (index === undefined) wrong.add(pod);
    else if (!byIndex.get(index)?.push(pod)) byIndex.set(index, [pod]);
  }
  for (const pods of byIndex.values())
    if (pods.length > 1) for (const pod of rankForDeletion(pods, [], nowMs).slice(0, -1)) wrong.add(pod);
  return wrong;
}
