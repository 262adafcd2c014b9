/** The context of a part of the host's network, with feeds that a test fills by hand. */
import { silentLogger } from '../../src/base/logger.ts';
import { systemClock } from '../../src/base/clock.ts';
import { systemRng } from '../../src/base/rng.ts';
import { type Feed, type FeedListener, type Feeds, keyOf } from '../../src/network/feeds.ts';
import type { HostNetworkContext, HostNode } from '../../src/network/host-network.ts';
import { createHostPods } from '../../src/network/host-pods.ts';
import { createOwnTargets } from '../../src/network/services/own-targets.ts';
import type { KubeObject } from '../../src/schemas/object.ts';
import type { Event } from '../../src/schemas/types.ts';

export interface FakeFeed extends Feed<KubeObject> {
  put(...objects: readonly KubeObject[]): void;
  remove(object: KubeObject): void;
  /** The list is complete. */
  sync(): void;
}

function createFakeFeed(): FakeFeed {
  const items = new Map<string, KubeObject>();
  const listeners: FeedListener[] = [];
  let isSynced = false;
  const tell: FeedListener = (key) => listeners.forEach((listener) => listener(key));
  return {
    items,
    get isSynced() {
      return isSynced;
    },
    onChange: (listener) => void listeners.push(listener),
    put(...objects) {
      for (const object of objects) items.set(keyOf(object), object);
      for (const object of objects) tell(keyOf(object));
    },
    remove(object) {
      items.delete(keyOf(object));
      tell(keyOf(object));
    },
    sync() {
      isSynced = true;
      tell(undefined);
    },
  };
}

const KINDS = ['services', 'endpointSlices', 'nodes', 'networkPolicies', 'addressGroups'] as const;
type FakeFeeds = Readonly<Record<(typeof KINDS)[number], FakeFeed>>;

export const createFakeFeeds = (): FakeFeeds =>
  Object.fromEntries(KINDS.map((kind) => [kind, createFakeFeed()])) as FakeFeeds;

export interface NetworkWorld {
  readonly feeds: FakeFeeds;
  readonly context: HostNetworkContext;
  /** Events that were sent. */
  readonly events: readonly Event[];
  readonly nodes: Map<string, HostNode>;
  syncAll(): void;
}

export function createNetworkWorld(
  parts: Pick<HostNetworkContext, 'nft' | 'run'> & Partial<HostNetworkContext>,
  feeds = createFakeFeeds(),
): NetworkWorld {
  const events: Event[] = [];
  const nodes = new Map([['host', { name: 'host', address: '192.0.2.1' }]]);
  const client = {
    create: async (_: unknown, event: Event) => (events.push(event), event),
    patch: async () => ({}),
  } as unknown as HostNetworkContext['client'];
  return {
    feeds,
    events,
    nodes,
    syncAll: () => KINDS.forEach((kind) => feeds[kind].sync()),
    context: {
      client,
      clock: systemClock,
      rng: systemRng,
      logger: silentLogger,
      settings: {
        cluster: 'test',
        clusterCidr: '10.244.0.0/16',
        serviceCidr: '10.96.0.0/12',
        clusterDomain: 'cluster.local',
        mode: 'auto',
        gateway: '10.244.0.1',
        bridge: 'br0',
        server: 'https://127.0.0.1:6443',
        directory: '/nonexistent',
      },
      host: { nodes, onChange: () => undefined },
      follow: async () => undefined,
      report: () => undefined,
      annotations: new Map(),
      feeds: { of: (kind: keyof FakeFeeds) => feeds[kind] } as unknown as Feeds,
      pods: createHostPods(),
      ownTargets: createOwnTargets(),
      ...parts,
    },
  };
}
