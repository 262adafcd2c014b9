/** Feeds that a test fills, and the context of a DNS part with them. */
import { systemClock } from '../../../src/base/clock.ts';
import { silentLogger } from '../../../src/base/logger.ts';
import { systemRng } from '../../../src/base/rng.ts';
import type { DnsPartContext } from '../../../src/network/dns/dns-part.ts';
import type { Feed, FeedListener, Feeds } from '../../../src/network/feeds.ts';
import type { OwnTargets } from '../../../src/network/services/own-targets.ts';
import type { KubeObject } from '../../../src/schemas/object.ts';

export interface FakeFeeds extends Pick<Feeds, 'of'> {
  set(kind: string, key: string, object: unknown): void;
  delete(kind: string, key: string): void;
  /** All lists were read. */
  sync(): void;
}

export function createFakeFeeds(): FakeFeeds {
  const feeds = new Map<
    string,
    { items: Map<string, KubeObject>; listeners: FeedListener[]; feed: Feed<KubeObject> }
  >();
  let isSynced = false;
  function feedOf(kind: string) {
    let found = feeds.get(kind);
    if (!found) {
      const items = new Map<string, KubeObject>();
      const listeners: FeedListener[] = [];
      const feed: Feed<KubeObject> = {
        items,
        get isSynced() {
          return isSynced;
        },
        onChange: (listener) => void listeners.push(listener),
      };
      found = { items, listeners, feed };
      feeds.set(kind, found);
    }
    return found;
  }
  const tell = (kind: string, key: string | undefined): void =>
    feedOf(kind).listeners.forEach((listener) => listener(key));
  return {
    of: ((kind: string) => feedOf(kind).feed) as unknown as Feeds['of'],
    set(kind, key, object) {
      feedOf(kind).items.set(key, object as KubeObject);
      tell(kind, key);
    },
    delete(kind, key) {
      feedOf(kind).items.delete(key);
      tell(kind, key);
    },
    sync() {
      isSynced = true;
      for (const kind of feeds.keys()) tell(kind, undefined);
    },
  };
}

/** A server on the loopback, whose clients are this machine's. */
export const aDnsContext = (
  directory: string,
  feeds: Pick<Feeds, 'of'>,
  ownTargets: OwnTargets,
): DnsPartContext => ({
  ownTargets,
  report: () => undefined,
  clock: systemClock,
  rng: systemRng,
  logger: silentLogger,
  feeds,
  settings: {
    clusterCidr: '10.244.0.0/16',
    serviceCidr: '10.96.0.0/16',
    clusterDomain: 'cluster.local',
    gateway: '127.0.0.1',
    directory,
  },
});
