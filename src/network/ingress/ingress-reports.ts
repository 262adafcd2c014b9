/**
 * Tells people what is wrong with Ingresses and with this host. Each problem is told once while it
 * lasts. Problems of Ingresses are the same on all hosts: the first ready node tells them.
 */
import { apiEventSink, createEventRecorder, type EventRecorder } from '../../client/event-recorder.ts';
import { resources } from '../../client/types.ts';
import { INGRESS_NODE_LABEL } from '../../schemas/networking/ingress-classes.ts';
import type { Event, Ingress, Node } from '../../schemas/types.ts';
import type { HostNetworkContext } from '../host-network.ts';
import type { HostTrouble } from './plan-host-trouble.ts';
import type { Problem } from './proxy-model.ts';

export interface IngressReports extends AsyncDisposable {
  problems(found: readonly Problem[]): void;
  /** Undefined: there is none any more. */
  host(trouble: HostTrouble | undefined, ingresses: readonly Ingress[]): void;
}

/** Ingresses that hear of a problem of the host. */
const MAX_TOLD = 20;

export function createIngressReports(context: HostNetworkContext): IngressReports {
  const { client, clock, logger, feeds, host } = context;
  const send = async (event: Event): Promise<void> => {
    await client.create(resources.events, event);
  };
  const events: EventRecorder = createEventRecorder({
    sink: apiEventSink(client, send),
    clock,
    logger,
    source: { component: 'symphony-ingress' },
  });
  const nodes = feeds.of('nodes');
  let problems: ReadonlyMap<string, Problem> = new Map();
  /** Problems that have an Event of this host. */
  const told = new Set<string>();
  let lastTrouble = '';

  /** A node may become the one that tells after a problem was found. */
  function tell(): void {
    if ([...problems.keys()].every((key) => told.has(key))) return;
    if (!host.nodes.has(tellerOf([...nodes.items.values()]) ?? '')) return;
    for (const [key, { about, reason, message }] of problems) {
      if (told.has(key)) continue;
      told.add(key);
      events.record({ about, type: 'Warning', reason, message });
    }
  }
  nodes.onChange(tell);

  return {
    problems(found) {
      const before = problems;
      problems = new Map(
        found.map((problem) => [`${problem.about.metadata.uid ?? ''} ${problem.message}`, problem]),
      );
      for (const key of told) if (!problems.has(key)) told.delete(key);
      for (const [key, { about, reason, message }] of problems) {
        if (before.has(key)) continue;
        const { namespace, name } = about.metadata;
        logger.warn(
          { resource: `Ingress ${namespace ?? ''}/${name}`, reason, error: message },
          'An Ingress is not served as it asks',
        );
      }
      tell();
    },
    host(trouble, ingresses) {
      const message = trouble?.message ?? '';
      if (message === lastTrouble) return;
      lastTrouble = message;
      if (!trouble) return logger.info({}, 'Ingresses are served again');
      logger.error({ error: message }, 'Cannot serve Ingresses on this host');
      const [name = ''] = [...host.nodes.keys()].sort();
      const { reason } = trouble;
      const reference = { apiVersion: 'v1', kind: 'Node', name, uid: name };
      events.record({ about: reference, type: 'Warning', reason, message });
      for (const about of ingresses.slice(0, MAX_TOLD))
        events.record({ about, type: 'Warning', reason, message: `Node ${name}: ${message}` });
    },
    [Symbol.asyncDispose]: events[Symbol.asyncDispose],
  };
}

function tellerOf(nodes: readonly Node[]): string | undefined {
  return nodes
    .filter(({ metadata, status }) => {
      const isReady = status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True');
      return isReady === true && metadata.labels?.[INGRESS_NODE_LABEL] === 'true';
    })
    .map(({ metadata }) => metadata.name)
    .sort()[0];
}
