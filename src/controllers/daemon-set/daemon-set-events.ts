/** The events of DaemonSets. */
import { eventsOf, type EventText, type EventTexts, normal, warning } from '../planned-event.ts';
import { REPLICA_EVENTS } from '../replica-set/plan-replica-set.ts';

const TEXTS = {
  ...REPLICA_EVENTS,
  failedPod: warning(
    'FailedDaemonPod',
    (pod, node) => `Found failed daemon pod ${pod} on node ${node}, will try to kill it`,
  ),
  succeededPod: normal(
    'SucceededDaemonPod',
    (pod, node) => `Found succeeded daemon pod ${pod} on node ${node}, will try to delete it`,
  ),
} satisfies Readonly<Record<string, EventText>>;

export const DAEMON_SET_EVENTS: EventTexts = { component: 'daemonset-controller', texts: TEXTS };

export const daemonSetEvent = eventsOf<typeof TEXTS>();
