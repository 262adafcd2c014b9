/** The deletion of a Job whose `ttlSecondsAfterFinished` are over; pure. */
import type { Job } from '../../schemas/types.ts';
import type { Plan } from '../controller.ts';
import { finishOf } from '../job/job-facts.ts';
import { deletionOf, isDeleting } from '../ownership.ts';
import { parseTime } from '../pod-facts.ts';

/** Undefined: the Job stays, or has not finished yet. */
export function planTtl(job: Job, nowMs: number): Plan | undefined {
  const { ttlSecondsAfterFinished: seconds } = job.spec;
  if (typeof seconds !== 'number' || isDeleting(job)) return undefined;
  const finishedMs = parseTime(finishOf(job)?.lastTransitionTime);
  if (finishedMs === undefined) return undefined;
  const leftMs = finishedMs + seconds * 1000 - nowMs;
  if (leftMs > 0) return { writes: [], requeueAfterMs: leftMs };
  const { resourceVersion } = job.metadata;
  // The pods go first. A longer time to live that comes meanwhile wins.
  const preconditions = resourceVersion ? { resourceVersion } : {};
  return { writes: [deletionOf(job, { propagationPolicy: 'Foreground', preconditions })] };
}
