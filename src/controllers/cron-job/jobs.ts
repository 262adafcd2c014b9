/** Jobs as a CronJob makes and sees them; pure. */
import { toRfc3339 } from '../../base/clock.ts';
import type { CronJob, Job, ObjectReference } from '../../schemas/types.ts';
import { offsetMs } from '../../schemas/values/time-zones.ts';
import { controllerReference } from '../ownership.ts';
import { parseTime } from '../pod-facts.ts';

const SCHEDULED_TIME = 'batch.kubernetes.io/cronjob-scheduled-timestamp';

/** One name for each minute. */
export const jobName = ({ metadata }: CronJob, scheduledMs: number): string =>
  `${metadata.name}-${Math.floor(scheduledMs / 60_000)}`;

/** The CronJob and the time in the name of a Job; undefined for another name. */
export function parseJobName(
  name: string,
): { readonly cronJob: string; readonly scheduledMs: number } | undefined {
  const [, cronJob, minutes] = /^(.+)-(\d{8,9})$/.exec(name) ?? [];
  return cronJob === undefined ? undefined : { cronJob, scheduledMs: Number(minutes) * 60_000 };
}

export const scheduledMsOf = (name: string): number => parseJobName(name)?.scheduledMs ?? 0;

export function jobFor(cronJob: CronJob, scheduledMs: number): Job {
  const { jobTemplate, timeZone = 'UTC' } = cronJob.spec;
  const { labels, annotations } = jobTemplate.metadata ?? {};
  const { namespace } = cronJob.metadata;
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name: jobName(cronJob, scheduledMs),
      ...(namespace === undefined ? {} : { namespace }),
      ...(labels ? { labels: { ...labels } } : {}),
      annotations: { ...annotations, [SCHEDULED_TIME]: zonedTime(scheduledMs, timeZone) },
      ownerReferences: [controllerReference(cronJob)],
    },
    spec: jobTemplate.spec ?? { template: {} },
  };
}

/** RFC 3339 with the offset of the zone: `2026-11-30T12:00:00+01:00`. */
function zonedTime(ms: number, zone: string): string {
  const offset = offsetMs(ms, zone);
  if (offset === 0) return toRfc3339(ms);
  const size = new Date(Math.abs(offset)).toISOString().slice(11, 16);
  return `${toRfc3339(ms + offset).slice(0, -1)}${offset < 0 ? '-' : '+'}${size}`;
}

export function referenceTo({ apiVersion, kind, metadata }: Job, uid: string | undefined): ObjectReference {
  const { name, namespace } = metadata;
  return {
    apiVersion,
    kind,
    name,
    ...(namespace === undefined ? {} : { namespace }),
    ...(uid === undefined ? {} : { uid }),
  };
}

/** By the time of the start, unstarted ones last, then by name. */
export function startedBefore(a: Job, b: Job): number {
  const startOf = ({ status }: Job): number => parseTime(status?.startTime) ?? Infinity;
  const [first, second] = [startOf(a), startOf(b)];
  if (first !== second) return first < second ? -1 : 1;
  return a.metadata.name < b.metadata.name ? -1 : 1;
}
