/** The events of CronJobs, in upstream's words. */
import { eventsOf, type EventText, normal, warning } from '../planned-event.ts';

const TEXTS = {
  created: normal('SuccessfulCreate', (name) => `Created job ${name}`),
  createFailed: warning('FailedCreate', (error) => `Error creating job: ${error}`),
  deleted: normal('SuccessfulDelete', (name) => `Deleted job ${name}`),
  completed: normal(
    'SawCompletedJob',
    (name, condition) => `Saw completed job: ${name}, condition: ${condition}`,
  ),
  unexpected: warning(
    'UnexpectedJob',
    (name) => `Saw a job that the controller did not create or forgot: ${name}`,
  ),
  missing: normal('MissingJob', (name) => `Active job went missing: ${name}`),
  alreadyActive: normal(
    'JobAlreadyActive',
    () => 'Not starting job because prior execution is running and concurrency policy is Forbid',
  ),
  tooManyMissed: warning(
    'TooManyMissedTimes',
    () => 'too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew',
  ),
  unknownTimeZone: warning('UnknownTimeZone', (zone, problem) => `invalid timeZone: ${zone}: ${problem}`),
  unparseable: warning(
    'UnparseableSchedule',
    (schedule, problem) => `unparseable schedule: ${schedule} : ${problem}`,
  ),
  invalidSchedule: warning(
    'InvalidSchedule',
    (schedule, problem) => `invalid schedule: ${schedule} : ${problem}`,
  ),
  unsupportedZone: warning(
    'UnsupportedSchedule',
    (schedule) =>
      `CRON_TZ or TZ used in schedule ${schedule} is not officially supported, see https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details`,
  ),
} satisfies Record<string, EventText>;

export const CRON_JOB_EVENTS = { component: 'cronjob-controller', texts: TEXTS };
export const event = eventsOf<typeof TEXTS>();
