/** Facts about Jobs and their pods, by upstream's rules; pure. */
import type { Job, JobCondition, Pod } from '../../schemas/types.ts';
import { parseTime, podCondition } from '../pod-facts.ts';
import { matchFailurePolicy } from './match-policies.ts';

/** Holds a pod until its end is counted. */
export const TRACKING_FINALIZER = 'batch.kubernetes.io/job-tracking';
export const INDEX_ANNOTATION = 'batch.kubernetes.io/job-completion-index';
export const FAILURE_COUNT_ANNOTATION = 'batch.kubernetes.io/job-index-failure-count';
export const IGNORED_COUNT_ANNOTATION = 'batch.kubernetes.io/job-index-ignored-failure-count';
/** The controller that a Job has unless `managedBy` names another one. */
const OWN_NAME = 'kubernetes.io/job-controller';

export const isTracked = ({ metadata }: Pod): boolean =>
  metadata.finalizers?.includes(TRACKING_FINALIZER) === true;

export const isIndexed = ({ spec }: Job): boolean => spec.completionMode === 'Indexed';
export const isSuspended = ({ spec }: Job): boolean => spec.suspend === true;
export const hasLimitPerIndex = ({ spec }: Job): boolean => typeof spec.backoffLimitPerIndex === 'number';

export const isManagedElsewhere = ({ spec }: Job): boolean =>
  typeof spec.managedBy === 'string' && spec.managedBy !== OWN_NAME;

export const trueCondition = ({ status }: Job, type: string): JobCondition | undefined =>
  status?.conditions?.find((condition) => condition.type === type && condition.status === 'True');

/** The condition that the Job has ended with; undefined while it has not. */
export const finishOf = (job: Job): JobCondition | undefined =>
  trueCondition(job, 'Complete') ?? trueCondition(job, 'Failed');

export const isFinished = (job: Job): boolean => finishOf(job) !== undefined;

/** Pods are replaced, and counted as failed, only once they have ended. */
export const replacesFailedOnly = ({ spec }: Job): boolean =>
  spec.podReplacementPolicy === 'Failed' || Boolean(spec.podFailurePolicy);

/** A pod that is being deleted counts as failed too: its end may never be reported. */
export function isPodFailed(pod: Pod, job: Job): boolean {
  const phase = pod.status?.phase;
  if (phase === 'Failed') return true;
  return !replacesFailedOnly(job) && pod.metadata.deletionTimestamp !== undefined && phase !== 'Succeeded';
}

/** Undefined where the pod has none. The caller checks its range. */
export function completionIndexOf({ metadata }: Pod): number | undefined {
  const text = metadata.annotations?.[INDEX_ANNOTATION];
  return text !== undefined && /^\+?\d{1,15}$/.test(text) ? Number(text) : undefined;
}

/** The index of a pod that counts: there, and one of the Job's. */
export function validIndexOf(pod: Pod, job: Job): number | undefined {
  const index = completionIndexOf(pod);
  return index !== undefined && index < (job.spec.completions ?? 0) ? index : undefined;
}

const MAX_COUNT = 2_147_483_647;

function countIn({ metadata }: Pod, annotation: string): number {
  const text = metadata.annotations?.[annotation] ?? '';
  const count = /^\+?\d{1,10}$/.test(text) ? Number(text) : 0;
  return count <= MAX_COUNT ? count : 0;
}

/** Failures of the index before this pod. */
export const failuresBefore = (pod: Pod): number => countIn(pod, FAILURE_COUNT_ANNOTATION);
export const ignoredBefore = (pod: Pod): number => countIn(pod, IGNORED_COUNT_ANNOTATION);

/** Whether the failure of this pod is the last one that its index may have. */
export function failsIndex(pod: Pod, job: Job): boolean {
  if (!isPodFailed(pod, job)) return false;
  const { action, isCounted } = matchFailurePolicy(job.spec.podFailurePolicy, pod);
  if (action === 'FailIndex') return true;
  return isCounted && failuresBefore(pod) >= (job.spec.backoffLimitPerIndex ?? 0);
}

/** The end of the pod, as far as its object shows it. */
export function finishedMs(pod: Pod): number {
  const { creationTimestamp, deletionTimestamp, deletionGracePeriodSeconds } = pod.metadata;
  const ready = podCondition(pod, 'Ready');
  const unreadyMs = ready?.status === 'False' ? parseTime(ready.lastTransitionTime) : undefined;
  const goneMs = parseTime(deletionTimestamp);
  return (
    containersFinishedMs(pod) ??
    unreadyMs ??
    (goneMs === undefined ? undefined : goneMs - (deletionGracePeriodSeconds ?? 0) * 1000) ??
    parseTime(creationTimestamp) ??
    0
  );
}

function containersFinishedMs({ status }: Pod): number | undefined {
  const ends = (status?.containerStatuses ?? []).map(({ state }) => parseTime(state?.terminated?.finishedAt));
  let latest: number | undefined;
  for (const end of ends) {
    if (end === undefined) return undefined;
    latest = Math.max(latest ?? end, end);
  }
  return latest;
}
