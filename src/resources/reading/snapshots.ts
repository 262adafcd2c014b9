/** The caches and hubs that reads are served from: one per resource, opened at first use, kept until disposal. */
import type { Eventually } from '../../base/eventually.ts';
import type { Logger } from '../../base/logger.ts';
import { type ResourceKind, storageIdOf } from '../../schemas/resource-kind.ts';
import type { CacheSet } from '../../store/cache/cache.ts';
import { createWatchHub, type WatchHub } from './watch-hub.ts';

export interface Snapshots extends AsyncDisposable {
  /** At once where it is open, as it is after the first time. */
  open(kind: Pick<ResourceKind, 'group' | 'plural' | 'storage'>): Eventually<Snapshot>;
}

export interface Snapshot {
  readonly hub: WatchHub;
  /** Resolves once the cache holds everything that was committed before the call. Concurrent calls share one look. */
  refresh(): Eventually<void>;
}

export function createSnapshots(options: { caches: CacheSet; logger: Logger }): Snapshots {
  const opened = new Map<string, Eventually<Snapshot>>();

  async function openOne(resource: string): Promise<Snapshot> {
    const cache = await options.caches.open(resource);
    const hub = createWatchHub({ cache, logger: options.logger });
    return { hub, refresh: shared(() => cache.refresh()) };
  }

  return {
    open(kind) {
      const resource = storageIdOf(kind);
      const found = opened.get(resource);
      if (found) return found;
      const opening = openOne(resource);
      opened.set(resource, opening);
      opening.then(
        (snapshot) => opened.set(resource, snapshot),
        () => opened.delete(resource),
      );
      return opening;
    },
    async [Symbol.asyncDispose]() {
      for (const result of await Promise.allSettled([...opened.values()].map(async (snapshot) => snapshot)))
        if (result.status === 'fulfilled') await result.value.hub[Symbol.asyncDispose]();
    },
  };
}

/**
 * Coalesces calls: whoever comes while a look is under way waits for the next one, which starts after they came and
 * therefore sees what they must see.
 */
function shared(look: () => Eventually<void>): () => Eventually<void> {
  let current: Promise<void> | undefined;
  let next: Promise<void> | undefined;
  const begin = (): Eventually<void> => {
    const looking = look();
    if (!(looking instanceof Promise)) return undefined;
    current = looking.finally(() => {
      current = undefined;
    });
    return current;
  };
  return () => {
    if (!current) return begin();
    next ??= current
      .catch(() => undefined)
      .then(() => {
        next = undefined;
        return begin();
      });
    return next;
  };
}
