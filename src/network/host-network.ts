/**
 * The network of one host for one cluster: it is shared by all nodes that this process runs on one
 * container engine. Its parts follow the API and keep the kernel as it should be. When it ends, the
 * kernel goes on with what it has; `symphony down` removes that.
 */
import { createAnnouncements } from './announcements/announcements.ts';
import { createApiRelay } from './api-relay/api-relay.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { Rng } from '../base/rng.ts';
import { openScope } from '../base/scope.ts';
import type { ApiClient } from '../client/types.ts';
import type { Service } from '../schemas/types.ts';
import { createFeeds, type Feed, type Feeds } from './feeds.ts';
import { createNft } from './nft/nft.ts';
import type { Nft } from './nft/table-writer.ts';
import type { NetworkMode } from './pod-network/plan-links.ts';
import type { RunProgram } from './run-program.ts';
import { createOwnTargets, type OwnTargets } from './services/own-targets.ts';
import { createServicesPart } from './services/services-part.ts';

export interface NetworkSettings {
  /** Names all that this cluster makes on the host. */
  readonly cluster: string;
  /** Addresses of all pods. */
  readonly clusterCidr: string;
  readonly serviceCidr: string;
  /** Ends the names of Services: `cluster.local`. */
  readonly clusterDomain: string;
  readonly mode: NetworkMode;
  /** The first address of the pods' network, which each host has on its bridge. */
  readonly gateway: string;
  /** The interface of the pods' network on this host. */
  readonly bridge: string;
  /** The URL at which this host reaches the API. */
  readonly server: string;
  /** Where the network of this host keeps its own state. */
  readonly directory: string;
}

/** The nodes that this host is, by name. */
export interface HostState {
  readonly nodes: ReadonlyMap<string, HostNode>;
  /** Told when a node joins or leaves. */
  onChange(listener: () => void): void;
}

export interface HostNode {
  readonly name: string;
  /** The address at which other hosts reach this one. */
  readonly address: string;
}

/** All that a part of the network is made from. */
export interface HostNetworkContext {
  /** Has the rights of the node that joined first. */
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger: Logger;
  readonly run: RunProgram;
  readonly nft: Nft;
  readonly settings: NetworkSettings;
  readonly feeds: Feeds;
  readonly host: HostState;
  /** Annotations that each Node of this host gets with its next report. */
  readonly annotations: Map<string, string>;
  readonly ownTargets: OwnTargets;
}

export interface HostNetworkPart extends AsyncDisposable {
  start(): void;
}

type Made = 'nft' | 'feeds' | 'host' | 'annotations' | 'ownTargets';

export interface HostNetworkOptions extends Omit<HostNetworkContext, Made> {
  readonly first: HostNode;
}

export interface HostNetwork extends AsyncDisposable {
  /** One more node of this host; it leaves when the answer is disposed. */
  join(node: HostNode): JoinedNetwork;
}

/** The host's network as a node of it sees it. */
export interface JoinedNetwork extends Disposable {
  /** Undefined where pods reach no Services. */
  readonly services: Feed<Service> | undefined;
  /** Annotations for the Node. */
  readonly annotations: ReadonlyMap<string, string>;
}

/** Parts in the order of their start; they end in reverse. */
const PARTS: readonly ((context: HostNetworkContext) => HostNetworkPart)[] = [
  createAnnouncements,
  createApiRelay,
  (context) => createServicesPart(context),
];

export function startHostNetwork({ first, ...options }: HostNetworkOptions): Promise<HostNetwork> {
  return openScope(async (scope) => {
    const logger = options.logger.child({ component: 'network' });
    const feeds = scope.use(createFeeds({ ...options, logger }));
    const nodes = new Map([[first.name, first]]);
    const listeners: (() => void)[] = [];
    const tell = (): void => listeners.forEach((listener) => listener());
    const host: HostState = { nodes, onChange: (listener) => void listeners.push(listener) };
    const annotations = new Map<string, string>();
    const context = {
      ...{ ...options, logger, feeds, host, annotations },
      nft: createNft(options.run),
      ownTargets: createOwnTargets(),
    };
    for (const create of PARTS) scope.use(create(context)).start();
    return {
      join(node: HostNode): JoinedNetwork {
        nodes.set(node.name, node);
        tell();
        return {
          services: options.settings.mode === 'none' ? undefined : feeds.of('services'),
          annotations,
          [Symbol.dispose]() {
            if (nodes.delete(node.name)) tell();
          },
        };
      },
    };
  });
}
