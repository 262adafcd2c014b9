/**
 * Decides whether a Job ends, and with which condition; pure. The first rule that holds decides, as
 * upstream.
 */
import { countIndexes } from '../../schemas/values/index-intervals.ts';
import type { Job, JobCondition, Pod } from '../../schemas/types.ts';
import { parseTime } from '../pod-facts.ts';
import { isIndexed, isPodFailed, isSuspended, trueCondition } from './job-facts.ts';
import { matchFailurePolicy, matchSuccessPolicy } from './match-policies.ts';
import type { Tally } from './tally.ts';

/** The interim condition: the verdict on a Job whose pods are not all counted and gone. */
export interface Target {
  readonly type: 'SuccessCriteriaMet' | 'FailureTarget';
  readonly reason: string;
  readonly message: string;
}

export const COMPLETED: Target = {
  type: 'SuccessCriteriaMet',
  reason: 'CompletionsReached',
  message: 'Reached expected number of succeeded pods',
};

const failure = (reason: string, message: string): Target => ({ type: 'FailureTarget', reason, message });

/** Undefined: the Job goes on. A decision is never taken back. */
export function planTarget(job: Job, tally: Tally, nowMs: number): Target | undefined {
  return (
    decided(trueCondition(job, 'SuccessCriteriaMet')) ??
    decided(trueCondition(job, 'FailureTarget')) ??
    failedByPolicy(job, tally.pods) ??
    failedByLimit(job, tally, nowMs) ??
    failedByIndexes(job, tally) ??
    succeededByPolicy(job, tally)
  );
}

const decided = (condition: JobCondition | undefined): Target | undefined =>
  condition && {
    type: condition.type === 'FailureTarget' ? 'FailureTarget' : 'SuccessCriteriaMet',
    reason: condition.reason ?? '',
    message: condition.message ?? '',
  };

function failedByPolicy(job: Job, pods: readonly Pod[]): Target | undefined {
  const { podFailurePolicy } = job.spec;
  if (!podFailurePolicy) return undefined;
  for (const pod of pods) {
    const message = isPodFailed(pod, job) ? matchFailurePolicy(podFailurePolicy, pod).jobFailure : undefined;
    if (message !== undefined) return failure('PodFailurePolicy', message);
  }
  return undefined;
}

function failedByLimit(job: Job, tally: Tally, nowMs: number): Target | undefined {
  const { backoffLimit = 6 } = job.spec;
  if (tally.failed > backoffLimit || restartsExceed(job, tally.pods, backoffLimit))
    return failure('BackoffLimitExceeded', 'Job has reached the specified backoff limit');
  const leftMs = deadlineInMs(job, nowMs);
  if (leftMs !== undefined && leftMs <= 0)
    return failure('DeadlineExceeded', 'Job was active longer than specified deadline');
  return undefined;
}

/** Containers that are restarted in place count instead of pods. */
function restartsExceed(job: Job, pods: readonly Pod[], limit: number): boolean {
  if (job.spec.template.spec?.restartPolicy !== 'OnFailure') return false;
  let restarts = 0;
  for (const { status } of pods) {
    if (status?.phase !== 'Running' && status?.phase !== 'Pending') continue;
    for (const { restartCount } of [
      ...(status.initContainerStatuses ?? []),
      ...(status.containerStatuses ?? []),
    ])
      restarts += restartCount;
  }
  return limit === 0 ? restarts > 0 : restarts >= limit;
}

/** Time left until `activeDeadlineSeconds`; undefined where there is no deadline now. */
export function deadlineInMs(job: Job, nowMs: number): number | undefined {
  const { activeDeadlineSeconds: seconds } = job.spec;
  if (typeof seconds !== 'number' || isSuspended(job)) return undefined;
  // A Job that is being resumed starts now.
  const startMs = trueCondition(job, 'Suspended') ? nowMs : parseTime(job.status?.startTime);
  return (startMs ?? nowMs) + seconds * 1000 - nowMs;
}

function failedByIndexes({ spec }: Job, { failedIndexes, succeededIndexes }: Tally): Target | undefined {
  const failed = countIndexes(failedIndexes ?? []);
  if (failed === 0) return undefined;
  if (failed > (spec.maxFailedIndexes ?? Number.POSITIVE_INFINITY))
    return failure(
      'MaxFailedIndexesExceeded',
      'Job has exceeded the specified maximal number of failed indexes',
    );
  const isOver = failed + countIndexes(succeededIndexes) >= (spec.completions ?? 0);
  return isOver ? failure('FailedIndexes', 'Job has failed indexes') : undefined;
}

function succeededByPolicy(job: Job, { succeededIndexes }: Tally): Target | undefined {
  const message = isIndexed(job) ? matchSuccessPolicy(job, succeededIndexes) : undefined;
  return message === undefined ? undefined : { type: 'SuccessCriteriaMet', reason: 'SuccessPolicy', message };
}
