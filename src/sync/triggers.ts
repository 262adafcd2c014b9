/** The causes of a reconcile: changes of Applications, of their objects, of kinds; jobs. */
import { jsonEqual } from '../base/json.ts';
import type { SyncJob } from '../queue/types.ts';
import type { Application } from '../schemas/types.ts';
import type { CacheEvent, ResourceCache } from '../store/cache/cache.ts';
import { type ApplicationCaches, wantFetch } from './cache/application-caches.ts';
import type { Repositories } from './git/repositories.ts';
import type { ManagedEvent } from './observe/report-changes.ts';
import type { ReconcileQueue } from './reconcile-queue.ts';

/** Events of one change come in a burst; a short wait folds them into one reconcile. */
const EVENT_DELAY_MS = 20;
/** Probes of many pods fail many times a second; these events are not urgent. */
const EXPLANATION_DELAY_MS = 250;

export function createTriggers(
  work: ReconcileQueue,
  caches: ApplicationCaches,
  apps: ResourceCache<Application>,
  repositories: Repositories,
) {
  return {
    /** An object of an application changed. */
    managed({ application, id, specChanged, onlyExplains, isSpent }: ManagedEvent): void {
      const cache = caches.get(application);
      if (!cache) return;
      if (onlyExplains) {
        if (cache.unhealthy.has(id)) work.addAfter(application, EXPLANATION_DELAY_MS);
        return;
      }
      const manifest = isSpent && cache.desired.byId.get(id);
      if (manifest) cache.spent.set(id, manifest);
      cache.healthDirty.add(id);
      if (specChanged) {
        cache.dirty.add(id);
        cache.refused?.errors.delete(id);
      }
      work.addAfter(application, EVENT_DELAY_MS);
    },
    application({ type, key, object, previous }: CacheEvent<Application>): void {
      if (usedRepository(previous) !== usedRepository(type === 'DELETED' ? undefined : object))
        repositories.keep(new Set(apps.list().flatMap((application) => usedRepository(application) ?? [])));
      const cache = caches.get(key);
      if (cache && !jsonEqual(previous?.spec, object.spec)) {
        cache.allDirty = true;
        cache.refused = undefined;
      }
      if (type === 'MODIFIED' && previous && jsonEqual(ofUsers(object), ofUsers(previous))) return;
      if (cache) cache.settled = undefined;
      work.add(key);
    },
    /** A kind that came or went may be what an application waits for, or was read with. */
    kinds(): void {
      for (const [key, cache] of caches) {
        cache.allDirty = true;
        work.addAfter(key, EVENT_DELAY_MS);
      }
    },
    async job({ application, reason }: SyncJob): Promise<void> {
      const cache = caches.get(application);
      if (cache && reason !== 'drift') {
        wantFetch(cache, reason === 'webhook' ? 'webhook' : 'refresh');
        cache.newsExpected = true;
      }
      await work.reconcileNow(application);
    },
  };
}

/** An application that is being deleted needs Git no more, and must not wait for it. */
function usedRepository(application: Application | undefined): string | undefined {
  if (!application || application.metadata.deletionTimestamp !== undefined) return undefined;
  return application.spec.source?.repoURL;
}

/** The Application without what the system writes. */
function ofUsers({ metadata, ...application }: Application): unknown {
  const { labels, annotations, finalizers, deletionTimestamp } = metadata;
  return {
    ...application,
    status: undefined,
    metadata: { labels, annotations, finalizers, deletionTimestamp },
  };
}
