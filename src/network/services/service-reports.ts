/**
 * Tells users, by Events of a Service, what this host cannot do for it. Each problem is told once
 * while it lasts.
 */
import { apiEventSink, createEventRecorder } from '../../client/event-recorder.ts';
import { resources } from '../../client/types.ts';
import type { Service } from '../../schemas/types.ts';
import { keyOf } from '../feeds.ts';
import type { HostNetworkContext } from '../host-network.ts';
import type { HealthCheck } from './health-answer.ts';

export interface ServiceReports extends AsyncDisposable {
  /** The kernel's complaint; undefined: it has the Service. */
  refused(service: Service, why: string | undefined): void;
  /** Entrances that other Services have: their names by the entrance's key. */
  taken(service: Service, owners: ReadonlyMap<string, string>): void;
  forget(service: string): void;
  noHealthCheck(service: string, check: HealthCheck, why: string): void;
}

/** One Event names this many ports; the rest is counted. */
const MOST_NAMED = 3;

export function createServiceReports({ client, clock, logger, host }: HostNetworkContext): ServiceReports {
  const [node = ''] = host.nodes.keys();
  const events = createEventRecorder({
    sink: apiEventSink(client, async (event) => {
      await client.create(resources.events, event);
    }),
    clock,
    logger,
    source: { component: 'kube-proxy', host: node },
  });
  /** Messages that were sent, by Service and reason. */
  const told = new Map<string, Map<string, string>>();

  function report(service: Service, reason: string, message: string | undefined): void {
    const key = keyOf(service);
    const before = told.get(key)?.get(reason);
    if (before === message) return;
    if (message === undefined) return void told.get(key)?.delete(reason);
    told.set(key, new Map(told.get(key)).set(reason, message));
    events.record({ about: service, type: 'Warning', reason, message });
  }

  return {
    refused(service, why) {
      const message = why === undefined ? undefined : `Node ${node} cannot program the Service: ${why}`;
      report(service, 'FailedToProgramService', message);
    },
    taken(service, owners) {
      const names = [...owners].map(([key, owner]) => `${entranceText(key)} belongs to Service "${owner}"`);
      const more = names.length > MOST_NAMED ? [`${names.length - MOST_NAMED} more`] : [];
      const message = [...names.slice(0, MOST_NAMED), ...more].join(', ');
      report(service, 'PortConflict', owners.size === 0 ? undefined : message);
    },
    forget: (service) => void told.delete(service),
    noHealthCheck(service, { namespace, name, port }, why) {
      events.record({
        about: { apiVersion: 'v1', kind: 'Service', namespace, name },
        type: 'Warning',
        reason: 'FailedToStartServiceHealthcheck',
        message: `node ${node} failed to start healthcheck "${service}" on port ${port}: ${why}`,
      });
    },
    [Symbol.asyncDispose]: () => events[Symbol.asyncDispose](),
  };
}

/** `10.96.0.10 . udp . 53` → `port 53/UDP of 10.96.0.10`. */
function entranceText(key: string): string {
  const parts = key.split(' . ');
  const [port = '', protocol = ''] = [parts.at(-1), parts.at(-2)];
  const text = `${port}/${protocol.toUpperCase()}`;
  return parts.length === 3 ? `port ${text} of ${parts[0] ?? ''}` : `node port ${text}`;
}
