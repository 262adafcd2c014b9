/** The status of a Job after the changes of a plan; pure. */
import { toRfc3339 } from '../../base/clock.ts';
import { withConditionInPlace } from '../../schemas/conditions.ts';
import { countIndexes, intervalsText } from '../../schemas/values/index-intervals.ts';
import type { Job, JobCondition } from '../../schemas/types.ts';
import { isDeleting } from '../ownership.ts';
import { isReady } from '../pod-facts.ts';
import type { PlannedEvent } from '../planned-event.ts';
import { failureEvent, jobEvent } from './job-events.ts';
import { isIndexed, isSuspended } from './job-facts.ts';
import type { Counting } from './plan-counting.ts';
import type { PodChanges } from './plan-job-pods.ts';
import type { Target } from './plan-target.ts';
import type { Tally } from './tally.ts';

export type JobStatus = NonNullable<Job['status']>;

export interface StatusInput {
  readonly job: Job;
  readonly tally: Tally;
  readonly pods: PodChanges;
  readonly counting: Counting;
  readonly target: Target | undefined;
}

interface Reported {
  readonly status: JobStatus;
  readonly events: readonly PlannedEvent[];
}

/** Before the Job is over. Absent members are those that Go leaves out when they are empty. */
export function interimStatus(input: StatusInput, nowMs: number): Reported {
  const { job, tally, pods, counting, target } = input;
  const before = job.status ?? {};
  const conditions = before.conditions ?? [];
  const suspension = target || isDeleting(job) ? undefined : planSuspension(job, conditions, nowMs);
  const withSuspension = suspension?.conditions ?? conditions;
  const hasTarget =
    target && conditions.some(({ type, status }) => type === target.type && status === 'True');
  const all =
    target && !hasTarget ? [...withSuspension, conditionOf(target.type, target, nowMs)] : withSuspension;
  const started =
    suspension?.isResumed || (before.startTime === undefined && !isSuspended(job))
      ? toRfc3339(nowMs)
      : before.startTime;
  // As Kubernetes 1.36: a suspension stops the time, and the Job starts anew when it is resumed.
  const startTime = suspension && !suspension.isResumed ? undefined : started;
  const indexed = isIndexed(job);
  const status = compact({
    ...before,
    active: tally.active.length - pods.deletes.length + pods.creates.length,
    ready: tally.ready - pods.deletes.filter(isReady).length,
    terminating: tally.terminating.length + pods.deletes.length,
    succeeded: indexed ? countIndexes(tally.succeededIndexes) : tally.counted.succeeded,
    failed: tally.counted.failed,
    completedIndexes: indexed ? intervalsText(tally.succeededIndexes) : undefined,
    failedIndexes: tally.failedIndexes && intervalsText(tally.failedIndexes),
    uncountedTerminatedPods: compactLists(counting.uncounted),
    conditions: all.length > 0 ? all : undefined,
    startTime,
  });
  return {
    status,
    events: suspension ? [jobEvent(suspension.isResumed ? 'resumed' : 'suspended', job)] : [],
  };
}

/** The last status. Undefined: the Job is not over. */
export function finishedStatus(
  { job, counting, target }: StatusInput,
  status: JobStatus,
  nowMs: number,
): Reported | undefined {
  const { succeeded, failed } = counting.uncounted;
  const isOpen = succeeded.length + failed.length > 0 || counting.isPartial;
  if (!target || isOpen || (status.active ?? 0) > 0 || (status.terminating ?? 0) > 0) return undefined;
  const isSuccess = target.type === 'SuccessCriteriaMet';
  const condition = conditionOf(isSuccess ? 'Complete' : 'Failed', target, nowMs);
  const now = toRfc3339(nowMs);
  const finished: JobStatus = {
    ...status,
    // A Job that was never resumed may be over, too: the API requires its start time.
    startTime: status.startTime ?? now,
    conditions: [...(status.conditions ?? []).filter(({ type }) => type !== condition.type), condition],
    ...(isSuccess ? { completionTime: now } : {}),
  };
  if (!isSuccess)
    return { status: finished, events: [jobEvent(failureEvent(target.reason), job, target.message)] };
  const isTooMany = (status.succeeded ?? 0) > (job.spec.completions ?? Number.POSITIVE_INFINITY);
  return {
    status: finished,
    events: [...(isTooMany ? [jobEvent('tooMany', job)] : []), jobEvent('completed', job)],
  };
}

function conditionOf(type: string, { reason, message }: Target, nowMs: number): JobCondition {
  const now = toRfc3339(nowMs);
  return { type, status: 'True', lastProbeTime: now, lastTransitionTime: now, reason, message };
}

/** The conditions with a changed suspension; undefined where it is the same. */
function planSuspension(
  job: Job,
  conditions: readonly JobCondition[],
  nowMs: number,
): { readonly conditions: JobCondition[]; readonly isResumed: boolean } | undefined {
  const suspended = isSuspended(job);
  const current = conditions.find(({ type }) => type === 'Suspended');
  // A Job that was never suspended has no such condition.
  if (current ? (current.status === 'True') === suspended : !suspended) return undefined;
  const [reason, message] = suspended ? ['JobSuspended', 'Job suspended'] : ['JobResumed', 'Job resumed'];
  const changed = conditionOf('Suspended', { reason, message } as Target, nowMs);
  const next = { ...changed, status: suspended ? 'True' : 'False' };
  return {
    conditions: [...withConditionInPlace(conditions, next)],
    isResumed: !suspended,
  };
}

/** Leaves out zeros and undefined members, except `ready` and `terminating`. */
function compact(status: Record<string, unknown>): JobStatus {
  const kept = Object.entries(status).filter(
    ([name, value]) =>
      value !== undefined &&
      (value !== 0 || name === 'ready' || name === 'terminating') &&
      !(name === 'completedIndexes' && value === ''),
  );
  return Object.fromEntries(kept);
}

export function compactLists({
  succeeded,
  failed,
}: Counting['uncounted']): NonNullable<JobStatus['uncountedTerminatedPods']> {
  return {
    ...(succeeded.length > 0 ? { succeeded: [...succeeded] } : {}),
    ...(failed.length > 0 ? { failed: [...failed] } : {}),
  };
}

/** The status with the pods counted that have lost their finalizer, and nothing else changed. */
export function countedStatus(job: Job, { counted, uncounted }: Tally): JobStatus {
  const { succeeded, failed } = uncounted;
  return compact({
    ...job.status,
    ...(isIndexed(job) ? {} : { succeeded: counted.succeeded }),
    failed: counted.failed,
    uncountedTerminatedPods: compactLists({ succeeded: [...succeeded], failed: [...failed] }),
  });
}
