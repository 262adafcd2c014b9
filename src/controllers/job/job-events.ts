/** The events of Jobs. */
import { eventsOf, type EventText, normal, warning } from '../planned-event.ts';
import { REPLICA_EVENTS } from '../replica-set/plan-replica-set.ts';

export const JOB_EVENTS = {
  ...REPLICA_EVENTS,
  suspended: normal('Suspended', () => 'Job suspended'),
  resumed: normal('Resumed', () => 'Job resumed'),
  completed: normal('Completed', () => 'Job completed'),
  tooMany: warning(
    'TooManySucceededPods',
    () => 'Too many succeeded pods running after completion count reached',
  ),
  BackoffLimitExceeded: warning('BackoffLimitExceeded'),
  DeadlineExceeded: warning('DeadlineExceeded'),
  PodFailurePolicy: warning('PodFailurePolicy'),
  MaxFailedIndexesExceeded: warning('MaxFailedIndexesExceeded'),
  FailedIndexes: warning('FailedIndexes'),
  /** For a reason that another program wrote into the status. */
  failed: warning('Failed'),
} satisfies Readonly<Record<string, EventText>>;

export const jobEvent = eventsOf<typeof JOB_EVENTS>();

/** The event of a Job that failed for this reason. */
export const failureEvent = (reason: string): keyof typeof JOB_EVENTS =>
  Object.hasOwn(JOB_EVENTS, reason) ? (reason as keyof typeof JOB_EVENTS) : 'failed';
