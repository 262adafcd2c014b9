/**
 * Compares the pods of a Job with the counts of its status; pure and linear in the number of pods.
 * A pod counts once: while it has the tracking finalizer and its uid is not among the uncounted
 * ones. An uncounted uid whose pod has lost the finalizer is ready to be counted.
 */
import type { Job, Pod } from '../../schemas/types.ts';
import {
  countIndexes,
  hasIndex,
  type Intervals,
  intervalsOf,
  mergeIntervals,
  readIntervals,
} from '../../schemas/values/index-intervals.ts';
import { isActive, isReady, isTerminating } from '../pod-facts.ts';
import { type Backoff, NO_BACKOFF, nextBackoff } from './backoff.ts';
import {
  completionIndexOf,
  failsIndex,
  failuresBefore,
  finishedMs,
  hasLimitPerIndex,
  ignoredBefore,
  isIndexed,
  isPodFailed,
  isTracked,
  validIndexOf,
} from './job-facts.ts';
import { matchFailurePolicy } from './match-policies.ts';

export interface Tally {
  readonly pods: readonly Pod[];
  readonly active: readonly Pod[];
  readonly ready: number;
  readonly terminating: readonly Pod[];
  /** Counted for good: what the status says, and the uncounted pods without finalizers. */
  readonly counted: { readonly succeeded: number; readonly failed: number };
  /** Uids that the status has, whose pods still have the finalizer. */
  readonly uncounted: { readonly succeeded: ReadonlySet<string>; readonly failed: ReadonlySet<string> };
  /** All successes and failures, those that are not counted yet included. */
  readonly succeeded: number;
  readonly failed: number;
  /** Indexed Jobs: the status's, and those of the pods that have ended since. */
  readonly succeededIndexes: Intervals;
  readonly failedIndexes?: Intervals;
  /** Failed pods that stay until their replacement has taken over their counts, by index. */
  readonly awaitingReplacement: ReadonlyMap<number, Pod>;
  /** As the last plan left it. */
  readonly backoff: Backoff;
  readonly newlySucceeded: readonly Pod[];
  readonly newlyFailed: readonly Pod[];
}

export const uidOf = ({ metadata }: Pod): string => metadata.uid ?? '';

/** `backoff`: the memory of this process. Without it, the ended pods are counted. */
export function tallyJob(job: Job, pods: readonly Pod[], backoff: Backoff | undefined): Tally {
  const active = pods.filter(isActive);
  const tracked = pods.filter(isTracked);
  const trackedUids = new Set(tracked.map(uidOf));
  const { succeeded: openSucceeded, failed: openFailed } = job.status?.uncountedTerminatedPods ?? {};
  const open = (uids: readonly string[] = []): ReadonlySet<string> =>
    new Set(uids.filter((uid) => trackedUids.has(uid)));
  const uncounted = { succeeded: open(openSucceeded), failed: open(openFailed) };
  const counted = {
    succeeded: (job.status?.succeeded ?? 0) + (openSucceeded?.length ?? 0) - uncounted.succeeded.size,
    failed: (job.status?.failed ?? 0) + (openFailed?.length ?? 0) - uncounted.failed.size,
  };
  const valid = tracked.filter((pod) => !isIndexed(job) || validIndexOf(pod, job) !== undefined);
  const newlySucceeded = valid.filter(
    (pod) => pod.status?.phase === 'Succeeded' && !uncounted.succeeded.has(uidOf(pod)),
  );
  const newlyFailed = valid.filter((pod) => isPodFailed(pod, job) && !uncounted.failed.has(uidOf(pod)));
  const isCounted = (pod: Pod): boolean => matchFailurePolicy(job.spec.podFailurePolicy, pod).isCounted;
  const indexes = tallyIndexes(job, valid, active);
  return {
    pods,
    active,
    ready: active.filter(isReady).length,
    terminating: pods.filter(isTerminating),
    counted,
    uncounted,
    succeeded: isIndexed(job)
      ? countIndexes(indexes.succeededIndexes)
      : counted.succeeded + newlySucceeded.length + uncounted.succeeded.size,
    failed: counted.failed + newlyFailed.filter(isCounted).length + uncounted.failed.size,
    ...indexes,
    backoff: hasLimitPerIndex(job) ? NO_BACKOFF : (backoff ?? backoffOf(job, pods)),
    newlySucceeded,
    newlyFailed,
  };
}

/** After a restart, the counted pods are still there, unless they were deleted. */
function backoffOf(job: Job, pods: readonly Pod[]): Backoff {
  const ended = pods.filter((pod) => !isTracked(pod));
  const succeeded = ended.filter((pod) => pod.status?.phase === 'Succeeded');
  return nextBackoff(
    NO_BACKOFF,
    succeeded,
    ended.filter((pod) => isPodFailed(pod, job)),
  );
}

type IndexTally = Pick<Tally, 'succeededIndexes' | 'failedIndexes' | 'awaitingReplacement'>;

const NO_INDEXES: IndexTally = { succeededIndexes: [], awaitingReplacement: new Map() };

function tallyIndexes(job: Job, valid: readonly Pod[], active: readonly Pod[]): IndexTally {
  if (!isIndexed(job)) return NO_INDEXES;
  const { completions = 0 } = job.spec;
  const { completedIndexes = '', failedIndexes = '' } = job.status ?? {};
  const indexesOf = (pods: readonly Pod[]): Intervals =>
    intervalsOf(pods.flatMap((pod) => validIndexOf(pod, job) ?? []));
  const countedIndexes = readIntervals(completedIndexes, completions);
  const succeeded = valid.filter(({ status }) => status?.phase === 'Succeeded');
  const succeededIndexes = mergeIntervals(countedIndexes, indexesOf(succeeded));
  if (!hasLimitPerIndex(job)) return { ...NO_INDEXES, succeededIndexes };
  const failing = valid.filter((pod) => failsIndex(pod, job));
  const failed = mergeIntervals(readIntervals(failedIndexes, completions), indexesOf(failing));
  return {
    succeededIndexes,
    failedIndexes: failed,
    awaitingReplacement: awaiting(job, valid, [succeededIndexes, failed, indexesOf(active)]),
  };
}

/** The last failed pod of each index that has neither ended nor a running pod. */
function awaiting(job: Job, valid: readonly Pod[], settled: readonly Intervals[]): ReadonlyMap<number, Pod> {
  const last = new Map<number, Pod>();
  for (const pod of valid) {
    const index = completionIndexOf(pod) ?? -1;
    if (!isPodFailed(pod, job) || settled.some((indexes) => hasIndex(indexes, index))) continue;
    const before = last.get(index);
    const failures = (of: Pod): number => failuresBefore(of) + ignoredBefore(of);
    const isLater = !before || (failures(before) <= failures(pod) && finishedMs(before) <= finishedMs(pod));
    if (isLater) last.set(index, pod);
  }
  return last;
}
