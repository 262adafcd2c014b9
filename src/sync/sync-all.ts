/**
 * One reconcile of every application, those that appear on the way included. After the store lost
 * its history this rebuilds it.
 */
import { keyOf } from '../schemas/object.ts';
import type { Application } from '../schemas/types.ts';
import type { ResourceCache } from '../store/cache/cache.ts';
import type { Store } from '../store/types.ts';
import type { ApplicationCaches } from './cache/application-caches.ts';

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
    signal.throwIfAborted();
    for (const key of open) done.add(key);
    await cacheIsCurrent();
  }
  const applied: string[] = [];
  const failed: { application: string; message: string }[] = [];
  for (const key of [...done].sort()) {
    const outcome = caches.get(key)?.outcome;
    if (outcome?.applied) applied.push(key);
    else
      failed.push({
        application: key,
        message: outcome?.problems[0] ?? outcome?.obstacle ?? 'not applied',
      });
  }
  return { applied, failed };
}

/** Resolves with the work, or as soon as the signal aborts. */
export async function untilAborted(work: Promise<unknown>, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  let stop = (): void => undefined;
  const aborted = new Promise<void>((resolve) => {
    stop = resolve;
    signal.addEventListener('abort', stop, { once: true });
  });
  await Promise.race([work, aborted]);
  signal.removeEventListener('abort', stop);
}
