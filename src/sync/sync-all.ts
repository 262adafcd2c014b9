/** Reconciles every application once. This rebuilds a store that lost its history. */
import { untilAborted } from '../base/abort.ts';
import { keyOf } from '../schemas/object.ts';
import type { Application } from '../schemas/types.ts';
import type { ResourceCache } from '../store/cache/cache.ts';
import type { Store } from '../store/types.ts';
import type { ApplicationCaches } from './cache/application-caches.ts';
import type { SyncOutcome } from './plan/sync-outcome.ts';

export interface SyncSummary {
  /** Keys of the applications that are completely in the store. */
  readonly applied: readonly string[];
  readonly failed: readonly { readonly application: string; readonly message: string }[];
}

export interface SyncAllOptions {
  readonly store: Store;
  readonly apps: ResourceCache<Application>;
  readonly caches: ApplicationCaches;
  reconcileNow(application: string): Promise<void>;
}

export async function syncAll(options: SyncAllOptions, signal: AbortSignal): Promise<SyncSummary> {
  const { store, apps, caches } = options;
  const done = new Set<string>();
  const cacheIsCurrent = async (): Promise<void> => {
    const { resource } = await store.versions(apps.resource);
    await apps.waitFor(resource, signal);
  };
  await cacheIsCurrent();
  const pending = (): readonly string[] =>
    apps
      .list()
      .map(keyOf)
      .filter((key) => !done.has(key));
  for (let open = pending(); open.length > 0; open = pending()) {
    for (const key of open) {
      const cache = caches.get(key);
      if (cache) Object.assign(cache, { allDirty: true, allHealthDirty: true });
    }
    await untilAborted(Promise.all(open.map((key) => options.reconcileNow(key))), signal);
    for (const key of open) done.add(key);
    await cacheIsCurrent();
  }
  const outcomeOf = (key: string): SyncOutcome | undefined => caches.get(key)?.outcome;
  const isApplied = (key: string): boolean => outcomeOf(key)?.applied === true;
  const failed = [...done].filter((key) => !isApplied(key)).sort();
  return {
    applied: [...done].filter(isApplied).sort(),
    failed: failed.map((application) => {
      const { problems = [], obstacle = 'not applied' } = outcomeOf(application) ?? {};
      return { application, message: problems[0] ?? obstacle };
    }),
  };
}
