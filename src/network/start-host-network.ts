/** The parts of a host's network, and what they share. */
import { createAnnouncements } from './announcements/announcements.ts';
import { createApiRelay } from './api-relay/api-relay.ts';
import { openScope } from '../base/scope.ts';
import { createDns } from './dns/dns-part.ts';
import { createFeeds } from './feeds.ts';
import type {
  HostMembership,
  HostNetwork,
  HostNetworkContext,
  HostNetworkOptions,
  HostNetworkPart,
  HostNode,
  HostState,
  NetworkTrouble,
} from './host-network.ts';
import { createHostPods } from './host-pods.ts';
import { createIngress } from './ingress/ingress.ts';
import { createNft } from './nft/nft.ts';
import { createPodNetworkPart } from './pod-network/pod-network-part.ts';
import { createPolicyPart } from './policy/policy-part.ts';
import { createOwnTargets } from './services/own-targets.ts';
import { createServicesPart } from './services/services-part.ts';

/** Parts in the order of their start; they end in reverse. */
const PARTS: readonly ((context: HostNetworkContext) => HostNetworkPart)[] = [
  createPodNetworkPart,
  // Before the Services, which lead to it.
  (context) => createDns(context),
  (context) => createServicesPart(context),
  createPolicyPart,
  createAnnouncements,
  createApiRelay,
  createIngress,
];

export function startHostNetwork({ first, ...options }: HostNetworkOptions): Promise<HostNetwork> {
  return openScope(async (scope) => {
    const logger = options.logger.child({ component: 'network' });
    const feeds = scope.use(createFeeds({ ...options, logger }));
    const nodes = new Map([[first.name, first]]);
    const listeners: (() => void)[] = [];
    const tell = (): void => listeners.forEach((listener) => listener());
    const host: HostState = { nodes, onChange: (listener) => void listeners.push(listener) };
    const troubles = new Map<string, NetworkTrouble>();
    const report = (part: string, trouble: NetworkTrouble | undefined): void => {
      if (trouble) troubles.set(part, trouble);
      else troubles.delete(part);
    };
    const pods = createHostPods();
    const annotations = new Map<string, string>();
    const context: HostNetworkContext = {
      ...{ ...options, logger, feeds, host, pods, report, annotations },
      nft: createNft(options.run),
      ownTargets: createOwnTargets(),
    };
    for (const create of PARTS) scope.use(create(context)).start();
    return {
      services: feeds.of('services'),
      annotations,
      get troubles() {
        return [...troubles.values()];
      },
      join(node: HostNode): HostMembership {
        nodes.set(node.name, node);
        tell();
        return {
          pods,
          [Symbol.dispose]() {
            if (nodes.delete(node.name)) tell();
          },
        };
      },
    };
  });
}
