/** The events of DaemonSets. */
import { type EventText, type EventTexts, eventsOf } from '../planned-event.ts';
import { REPLICA_EVENTS } from '../replica-set/plan-replica-set.ts';

const TEXTS = {
  ...REPLICA_EVENTS,
  failedPod: {
    type: 'Warning',
    reason: 'FailedDaemonPod',
    message: (pod: string, node: string) =>
      `Found failed daemon pod ${pod} on node ${node}, will try to kill it`,
  },
  succeededPod: {
    type: 'Normal',
    reason: 'SucceededDaemonPod',
    message: (pod: string, node: string) =>
      `Found succeeded daemon pod ${pod} on node ${node}, will try to delete it`,
  },
} satisfies Readonly<Record<string, EventText>>;

export const DAEMON_SET_EVENTS: EventTexts = { component: 'daemonset-controller', texts: TEXTS };

export const daemonSetEvent = eventsOf<typeof TEXTS>();
