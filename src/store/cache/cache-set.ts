/** The caches of one process: one list and one watch per resource in use feed all readers. */
import { createAbort } from '../../base/abort.ts';
import type { Clock } from '../../base/clock.ts';
import type { Eventually } from '../../base/eventually.ts';
import type { Logger } from '../../base/logger.ts';
import type { KubeObject } from '../../schemas/object.ts';
import type { ResourceId } from '../../schemas/resource-kind.ts';
import type { Store } from '../types.ts';
import type { CacheSet, ResourceCache } from './cache.ts';
import { DEFAULT_WINDOW, type WindowLimits } from './event-window.ts';
import { createExpectations } from './expectations.ts';
import { feedCache, type ProblemOf } from './feed-cache.ts';
import { createWatchCache, type WatchCache } from './watch-cache.ts';

export interface CacheSetOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Objects with a problem are left out. */
  readonly problemOf?: ProblemOf;
  readonly window?: WindowLimits;
}

interface Opened {
  readonly fed: WatchCache<KubeObject>;
  /** The cache once it was listed; a promise until then. */
  cache: Eventually<ResourceCache>;
  readonly ended: Promise<void>;
}

export function createCacheSet(options: CacheSetOptions): CacheSet {
  const { store, clock, problemOf, window = DEFAULT_WINDOW } = options;
  const logger = options.logger.child({ component: 'cache' });
  const opened = new Map<ResourceId, Opened>();
  const abort = createAbort();
  const { signal } = abort;

  function start(resource: ResourceId): Opened {
    const fed = createWatchCache({ resource, logger, window, versions: () => store.versions(resource) });
    const feed = { store, clock, logger, signal, problemOf };
    let ended: Promise<void> = Promise.resolve();
    const opening = new Promise<ResourceCache>((resolve, reject) => {
      ended = feedCache(fed, feed, () => resolve((one.cache = fed.cache))).then(() =>
        reject(new Error(`Cannot open the cache of ${resource}: the caches are closed`)),
      );
    });
    opening.catch(() => undefined);
    const one: Opened = { fed, cache: opening, ended };
    return one;
  }

  function open<T extends KubeObject>(resource: ResourceId): Eventually<ResourceCache<T>> {
    signal.throwIfAborted();
    let found = opened.get(resource);
    if (!found) opened.set(resource, (found = start(resource)));
    return found.cache as unknown as Eventually<ResourceCache<T>>;
  }

  return {
    open,
    ...createExpectations(open),
    async [Symbol.asyncDispose]() {
      abort.abort();
      for (const { fed } of opened.values()) fed.close();
      await Promise.allSettled([...opened.values()].map(({ ended }) => ended));
    },
  };
}
