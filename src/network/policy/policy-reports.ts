/** Tells users, by an Event of a NetworkPolicy, that this host's kernel refuses it. */
import { apiEventSink, createEventRecorder } from '../../client/event-recorder.ts';
import { resources } from '../../client/types.ts';
import type { NetworkPolicy } from '../../schemas/types.ts';
import type { HostNetworkContext } from '../host-network.ts';

interface PolicyReports extends AsyncDisposable {
  /** `why`: the kernel's complaint. */
  refused(policy: NetworkPolicy, why: string): void;
}

export function createPolicyReports({ client, clock, logger, host }: HostNetworkContext): PolicyReports {
  const [node = ''] = host.nodes.keys();
  const events = createEventRecorder({
    sink: apiEventSink(client, async (event) => {
      await client.create(resources.events, event);
    }),
    clock,
    logger,
    source: { component: 'symphony-network-policy', host: node },
  });
  return {
    refused(policy, why) {
      const message = `Node ${node} cannot program the policy, and allows nothing by it: ${why}`;
      events.record({ about: policy, type: 'Warning', reason: 'FailedToProgramPolicy', message });
    },
    [Symbol.asyncDispose]: () => events[Symbol.asyncDispose](),
  };
}
