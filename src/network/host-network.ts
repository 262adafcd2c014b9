/**
 * The network of one host for one cluster: it is shared by all nodes that this process runs on one
 * container engine. Its parts follow the API and keep the kernel as it should be. When it ends, the
 * kernel goes on with what it has; `symphony down` removes that.
 */
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { Rng } from '../base/rng.ts';
import type { ApiClient } from '../client/types.ts';
import type { Service } from '../schemas/types.ts';
import type { Feed, Feeds } from './feeds.ts';
import type { HostPods } from './host-pods.ts';
import type { IngressSettings } from './ingress/render-caddy.ts';
import type { Nft } from './nft/table-writer.ts';
import type { NetworkMode } from './pod-network/plan-links.ts';
import type { FollowProgram, RunProgram } from './run-program.ts';
import type { OwnTargets } from './services/own-targets.ts';

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
  /** Absent: this host serves no Ingresses. */
  readonly ingress?: IngressSettings | undefined;
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
  readonly follow: FollowProgram;
  readonly nft: Nft;
  readonly settings: NetworkSettings;
  readonly feeds: Feeds;
  readonly host: HostState;
  readonly pods: HostPods;
  /** Annotations that each Node of this host gets with its next report. */
  readonly annotations: Map<string, string>;
  /** Services that this host serves itself. */
  readonly ownTargets: OwnTargets;
  /** Reports the problem of a part, or undefined for none. The nodes of this host show it. */
  report(part: string, trouble: NetworkTrouble | undefined): void;
}

export interface NetworkTrouble {
  /** Says the problem, and how to mend it. */
  readonly message: string;
  /** New pods should go to other nodes. */
  readonly isCutOff: boolean;
}

export interface HostNetworkPart extends AsyncDisposable {
  start(): void;
}

type Made = 'nft' | 'feeds' | 'host' | 'pods' | 'report' | 'annotations' | 'ownTargets';

export interface HostNetworkOptions extends Omit<HostNetworkContext, Made> {
  readonly first: HostNode;
}

export interface HostNetwork extends AsyncDisposable {
  /** One more node of this host; it leaves when the answer is disposed. */
  join(node: HostNode): HostMembership;
  readonly troubles: readonly NetworkTrouble[];
  readonly services: Feed<Service>;
  /** For the Nodes of this host. */
  readonly annotations: ReadonlyMap<string, string>;
}

/** The host's network as a node of it sees it. */
export interface HostMembership extends Disposable {
  readonly pods: HostPods;
}
