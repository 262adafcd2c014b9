/**
 * Counting ends of pods, exactly once; pure. A pod that is counted loses its finalizer and its uid
 * goes into the status in the same commit. The next plan finds the uid without a finalizer, and
 * moves it into the counters. So whatever happens in between, nothing is lost or counted twice.
 */
import type { Job, Pod } from '../../schemas/types.ts';
import { isDeleting } from '../ownership.ts';
import { completionIndexOf, isIndexed, isPodFailed, isTracked, validIndexOf } from './job-facts.ts';
import { matchFailurePolicy } from './match-policies.ts';
import { BURST_PODS } from './plan-job-pods.ts';
import type { Target } from './plan-target.ts';
import { type Tally, uidOf } from './tally.ts';

export interface Counting {
  /** Pods that lose their finalizer now. */
  readonly released: ReadonlySet<Pod>;
  /** The uids in the status. */
  readonly uncounted: { readonly succeeded: readonly string[]; readonly failed: readonly string[] };
  /** There are more pods than one commit takes: the Job cannot be over yet. */
  readonly isPartial: boolean;
}

export function planCounting(job: Job, tally: Tally, target: Target | undefined): Counting {
  const succeeded = [...tally.uncounted.succeeded];
  const failed = [...tally.uncounted.failed];
  const released = new Set<Pod>();
  for (const pod of inOrder(job, tally.pods)) {
    if (!isTracked(pod) || !canRelease(job, pod, tally, target)) continue;
    // The status stays small, and one Job does not hold up others.
    if (released.size >= BURST_PODS) return { released, uncounted: { succeeded, failed }, isPartial: true };
    released.add(pod);
    const uid = uidOf(pod);
    if (pod.status?.phase === 'Succeeded' && !tally.uncounted.failed.has(uid)) {
      // For a success, the list of indexes shows that it is counted.
      if (!isIndexed(job) && !tally.uncounted.succeeded.has(uid)) succeeded.push(uid);
    } else if (countsAsFailed(job, pod, target) && !tally.uncounted.failed.has(uid)) failed.push(uid);
  }
  return { released, uncounted: { succeeded, failed }, isPartial: false };
}

/** Indexes are counted in order. */
function inOrder(job: Job, pods: readonly Pod[]): readonly Pod[] {
  if (!isIndexed(job)) return pods;
  const indexOf = (pod: Pod): number => completionIndexOf(pod) ?? -1;
  return [...pods].sort((a, b) => indexOf(a) - indexOf(b));
}

function canRelease(job: Job, pod: Pod, tally: Tally, target: Target | undefined): boolean {
  if (isDeleting(job) || target || pod.status?.phase === 'Succeeded') return true;
  if (!isPodFailed(pod, job)) return false;
  const index = completionIndexOf(pod);
  return index === undefined || tally.awaitingReplacement.get(index) !== pod;
}

/** The pods that a failing Job ends are failures, too. */
function countsAsFailed(job: Job, pod: Pod, target: Target | undefined): boolean {
  if (!isPodFailed(pod, job) && target?.type !== 'FailureTarget') return false;
  const isOurs = !isIndexed(job) || validIndexOf(pod, job) !== undefined;
  return isOurs && matchFailurePolicy(job.spec.podFailurePolicy, pod).isCounted;
}
