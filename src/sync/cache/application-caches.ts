/** The caches of all applications, by key. */
import type { Clock } from '../../base/clock.ts';
import { keyOf } from '../../schemas/object.ts';
import type { Application } from '../../schemas/types.ts';
import type { FetchCause } from '../plan/plan-application-events.ts';
import { commitStatusOf } from '../status/plan-commit-status.ts';
import { type ApplicationCache, createApplicationCache, sourceKeyOf } from './application-cache.ts';

export interface ApplicationCaches extends Iterable<readonly [string, ApplicationCache]> {
  get(application: string): ApplicationCache | undefined;
  /** A changed source begins with an empty cache. */
  of(application: Application): ApplicationCache;
  delete(application: string): void;
}

export function createApplicationCaches(clock: Clock): ApplicationCaches {
  const caches = new Map<string, ApplicationCache>();
  return {
    get: (key) => caches.get(key),
    of(application) {
      const key = keyOf(application);
      const sourceKey = sourceKeyOf(application);
      const known = caches.get(key);
      if (known?.sourceKey === sourceKey) return known;
      const fresh = createApplicationCache(sourceKey, clock.now());
      const said = commitStatusOf(application);
      if (!known && said) fresh.attributed = said.sha;
      caches.set(key, fresh);
      return fresh;
    },
    delete: (key) => void caches.delete(key),
    [Symbol.iterator]: () => caches[Symbol.iterator](),
  };
}

/** The first cause counts: it is what the fetch is made for. */
export function wantFetch(cache: ApplicationCache, cause: FetchCause): void {
  if (!cache.fetchDue) cache.fetchCause = cause;
  cache.fetchDue = true;
  // A person who asks, or a forge that calls, knows more than the last failure.
  if (cause === 'webhook' || cause === 'refresh') cache.fetchFailure = undefined;
}
