/** The caches of all applications, by key. */
import { keyOf } from '../../schemas/object.ts';
import type { Application } from '../../schemas/types.ts';
import type { FetchCause } from '../plan/plan-application-events.ts';
import { commitStatusOf } from '../status/plan-commit-status.ts';
import { type ApplicationCache, createApplicationCache, sourceKeyOf } from './application-cache.ts';

export type ApplicationCaches = Map<string, ApplicationCache>;

/** The cache of an application. A changed source begins with an empty one. */
export function cacheOf(
  caches: ApplicationCaches,
  application: Application,
  nowMs: number,
): ApplicationCache {
  const key = keyOf(application);
  const sourceKey = sourceKeyOf(application);
  const known = caches.get(key);
  if (known?.sourceKey === sourceKey) return known;
  const fresh = createApplicationCache(sourceKey, nowMs);
  if (!known) fresh.attributed = commitStatusOf(application)?.sha;
  caches.set(key, fresh);
  return fresh;
}

/** The first cause counts: it is what the fetch is made for. */
export function wantFetch(cache: ApplicationCache, cause: FetchCause): void {
  if (!cache.fetchDue) cache.fetchCause = cause;
  cache.fetchDue = true;
  // A person who asks, or a forge that calls, knows more than the last failure.
  if (cause === 'webhook' || cause === 'refresh') cache.fetchFailure = undefined;
}
