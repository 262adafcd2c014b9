/** The events of Jobs. */
import { type EventText, eventsOf } from '../planned-event.ts';
import { REPLICA_EVENTS } from '../replica-set/plan-replica-set.ts';

const failed = (reason: string): EventText => ({
  type: 'Warning',
  reason,
  message: (message: string) => message,
});

export const JOB_EVENTS = {
  ...REPLICA_EVENTS,
  suspended: { type: 'Normal', reason: 'Suspended', message: () => 'Job suspended' },
  resumed: { type: 'Normal', reason: 'Resumed', message: () => 'Job resumed' },
  completed: { type: 'Normal', reason: 'Completed', message: () => 'Job completed' },
  tooMany: {
    type: 'Warning',
    reason: 'TooManySucceededPods',
    message: () => 'Too many succeeded pods running after completion count reached',
  },
  BackoffLimitExceeded: failed('BackoffLimitExceeded'),
  DeadlineExceeded: failed('DeadlineExceeded'),
  PodFailurePolicy: failed('PodFailurePolicy'),
  MaxFailedIndexesExceeded: failed('MaxFailedIndexesExceeded'),
  FailedIndexes: failed('FailedIndexes'),
  /** For a reason that another program wrote into the status. */
  failed: failed('Failed'),
} satisfies Readonly<Record<string, EventText>>;

export const jobEvent = eventsOf<typeof JOB_EVENTS>();

/** The event of a Job that failed for this reason. */
export const failureEvent = (reason: string): keyof typeof JOB_EVENTS =>
  Object.hasOwn(JOB_EVENTS, reason) ? (reason as keyof typeof JOB_EVENTS) : 'failed';
