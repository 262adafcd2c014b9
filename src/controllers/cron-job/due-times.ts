/** The start of a CronJob that is due, and the time of the next one: upstream's utils.go, pure. */
import type { Schedule } from '../../schemas/values/cron-schedule.ts';
import type { CronJob } from '../../schemas/types.ts';
import { parseTime } from '../pod-facts.ts';

/** With more missed starts than this, the clock is probably wrong, and an event reports it. */
const MANY_MISSED = 100;
/** A job starts a little late rather than a little early by another machine's clock. */
const START_DELTA_MS = 100;

export interface DueTimes {
  /** The latest start that has not happened. Earlier ones are skipped. */
  readonly dueMs?: number;
  readonly missedMany: boolean;
  /** Until the next start; undefined: there is none. */
  readonly nextInMs?: number;
}

/** Undefined for a schedule that never fires. */
export function dueTimes(cronJob: CronJob, schedule: Schedule, nowMs: number): DueTimes | undefined {
  const { startingDeadlineSeconds } = cronJob.spec;
  const sinceMs =
    parseTime(cronJob.status?.lastScheduleTime) ?? parseTime(cronJob.metadata.creationTimestamp) ?? nowMs;
  const firstMs = schedule.next(sinceMs);
  if (firstMs === undefined) return undefined;
  const latestMs = firstMs > nowMs ? undefined : latestStart(schedule, firstMs, nowMs);
  const deadlineMs =
    startingDeadlineSeconds === undefined ? -Infinity : nowMs - startingDeadlineSeconds * 1000;
  const nextMs = schedule.next(latestMs ?? sinceMs);
  return {
    ...(latestMs !== undefined && latestMs > deadlineMs ? { dueMs: latestMs } : {}),
    missedMany: missedStarts(schedule, Math.max(sinceMs, deadlineMs), nowMs) > MANY_MISSED,
    ...(nextMs === undefined ? {} : { nextInMs: nextMs - nowMs + START_DELTA_MS }),
  };
}

/** The last time until now, in some forty steps however many there are from `firstMs` on. */
function latestStart(schedule: Schedule, firstMs: number, nowMs: number): number {
  const { everyMs } = schedule;
  if (everyMs !== undefined) return nowMs - ((nowMs - firstMs) % everyMs);
  let latestMs = firstMs;
  let endMs = nowMs;
  while (endMs - latestMs > 1) {
    const middleMs = Math.floor((latestMs + endMs) / 2);
    const foundMs = schedule.next(middleMs);
    if (foundMs !== undefined && foundMs <= nowMs) latestMs = foundMs;
    else endMs = middleMs;
  }
  return latestMs;
}

/** Upstream's estimate: as if all times were as far apart as the first two. */
function missedStarts(schedule: Schedule, afterMs: number, nowMs: number): number {
  const firstMs = schedule.next(afterMs);
  const secondMs = firstMs === undefined ? undefined : schedule.next(firstMs);
  if (firstMs === undefined || secondMs === undefined || secondMs > nowMs) return 0;
  return Math.floor((nowMs - firstMs) / (secondMs - firstMs)) + 1;
}
