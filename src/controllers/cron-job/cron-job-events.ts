/** The events of CronJobs, in upstream's words. */
import type { EventText } from '../planned-event.ts';
import { eventsOf } from '../planned-event.ts';

const text = (type: EventText['type'], reason: string, message: EventText['message']): EventText => ({
  type,
  reason,
  message,
});

const TEXTS = {
  created: text('Normal', 'SuccessfulCreate', (name) => `Created job ${name}`),
  createFailed: text('Warning', 'FailedCreate', (error) => `Error creating job: ${error}`),
  deleted: text('Normal', 'SuccessfulDelete', (name) => `Deleted job ${name}`),
  completed: text(
    'Normal',
    'SawCompletedJob',
    (name, condition) => `Saw completed job: ${name}, condition: ${condition}`,
  ),
  unexpected: text(
    'Warning',
    'UnexpectedJob',
    (name) => `Saw a job that the controller did not create or forgot: ${name}`,
  ),
  missing: text('Normal', 'MissingJob', (name) => `Active job went missing: ${name}`),
  alreadyActive: text(
    'Normal',
    'JobAlreadyActive',
    () => 'Not starting job because prior execution is running and concurrency policy is Forbid',
  ),
  tooManyMissed: text(
    'Warning',
    'TooManyMissedTimes',
    () => 'too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew',
  ),
  unknownTimeZone: text(
    'Warning',
    'UnknownTimeZone',
    (zone, problem) => `invalid timeZone: ${zone}: ${problem}`,
  ),
  unparseable: text(
    'Warning',
    'UnparseableSchedule',
    (schedule, problem) => `unparseable schedule: ${schedule} : ${problem}`,
  ),
  invalidSchedule: text(
    'Warning',
    'InvalidSchedule',
    (schedule, problem) => `invalid schedule: ${schedule} : ${problem}`,
  ),
  unsupportedZone: text(
    'Warning',
    'UnsupportedSchedule',
    (schedule) =>
      `CRON_TZ or TZ used in schedule ${schedule} is not officially supported, see https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details`,
  ),
} satisfies Record<string, EventText>;

export const CRON_JOB_EVENTS = { component: 'cronjob-controller', texts: TEXTS };
export const event = eventsOf<typeof TEXTS>();
