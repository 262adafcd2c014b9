/**
 * The watch cache of one resource: its state up to `version`, the latest events, subscribers and
 * watchers. Everything here is synchronous; feed-cache.ts feeds it.
 */
import { andThen, type Eventually } from '../../base/eventually.ts';
import type { Logger } from '../../base/logger.ts';
import type { KubeObject } from '../../schemas/object.ts';
import type { ResourceId } from '../../schemas/resource-kind.ts';
import { Gone, type ListResult, type StoreEvent, type Versions } from '../types.ts';
import { parseVersion } from '../version.ts';
import type { CacheEvent, ResourceCache } from './cache.ts';
import { createEventWindow, type EventWindow, undone, type WindowLimits } from './event-window.ts';
import { createFanOut } from './fan-out.ts';
import { planRelist } from './plan-relist.ts';
import { createResourceView } from './resource-view.ts';
import { createSortedObjects, sortByKey } from './sorted-objects.ts';
import { createVersionWaiters } from './version-waiters.ts';

export interface WatchCache<T extends KubeObject> {
  readonly cache: ResourceCache<T>;
  apply(event: StoreEvent): void;
  /** The change of this version tells nothing usable. Nobody waits for it in vain. */
  passOver(version: string): void;
  relist(list: ListResult): void;
  close(): void;
}

export interface WatchCacheOptions {
  readonly resource: ResourceId;
  readonly logger: Logger;
  readonly window: WindowLimits;
  /** Asks the store for `versions` of this resource. */
  versions(): Eventually<Versions>;
}

export function createWatchCache<T extends KubeObject>(options: WatchCacheOptions): WatchCache<T> {
  const { resource } = options;
  const logger = options.logger.child({ resource });
  const view = createResourceView<T>();
  const sorted = createSortedObjects(view.objects);
  const window = createEventWindow<T>(options.window);
  const fanOut = createFanOut<T>({ logger, valuesOf: view.valuesOf });
  const waiters = createVersionWaiters(resource);
  const pastState = pastStates(window, sorted.all);
  /** The newest version of a change or list: the view is complete up to here without asking. */
  let fedVersion = 0;

  const refresh = (signal?: AbortSignal): Eventually<void> =>
    andThen(options.versions(), (newest) =>
      // All of this resource up to `newest.resource` is here, and nothing newer existed at
      // `newest.store`.
      andThen(waiters.until(Number(newest.resource), signal), () => waiters.reached(newest.store)),
    );

  function put(event: CacheEvent<T>): T | undefined {
    sorted.changed(event.key);
    return view.put(event.key, event.type === 'DELETED' ? undefined : event.object);
  }

  const cache: ResourceCache<T> = {
    resource,
    get version() {
      return waiters.version;
    },
    get floor() {
      return window.floor;
    },
    get: (key) => view.objects.get(key),
    list: (namespace) => (namespace === undefined ? [...view.objects.values()] : view.inNamespace(namespace)),
    sorted: (scope) => {
      switch (scope.type) {
        case 'all':
          return sorted.all();
        case 'namespace':
          return sorted.inNamespace(scope.namespace);
        case 'object':
          return [view.objects.get(scope.key)].filter((object) => object !== undefined);
        case 'index':
          return sortByKey(view.byIndex(scope.index, scope.value));
      }
    },
    sortedAt: pastState,
    byIndex: view.byIndex,
    addIndex: view.addIndex,
    subscribe: fanOut.subscribe,
    watch: (scope, from, watcher) => fanOut.watch(scope, from, watcher, window.after(from)),
    refresh,
    async waitFor(version, signal) {
      const wanted = parseVersion(version);
      if (wanted === undefined)
        throw new Gone(`Cannot wait for version "${version}" of ${resource}: not a version`);
      if (Number(waiters.version) >= wanted) return;
      await refresh(signal);
      await waiters.until(wanted, signal);
    },
  };

  return {
    cache,
    apply({ type, key, object, version, size }) {
      if (Number(version) <= fedVersion) return;
      fedVersion = Number(version);
      const change = { type, key, object: object as T, version };
      const previous = put(change);
      // A change of an object that could not be read before makes it known.
      const added: CacheEvent<T> = { ...change, type: type === 'MODIFIED' ? 'ADDED' : type };
      const event = previous ? { ...change, previous } : added;
      window.add(event, size);
      waiters.reached(version);
      fanOut.tellSubscribers(event);
      fanOut.tellWatchers(event);
    },
    passOver(version) {
      if (Number(version) <= fedVersion) return;
      fedVersion = Number(version);
      waiters.reached(version);
    },
    relist(list) {
      for (const event of planRelist(view.objects, list.objects as readonly T[], list.version)) {
        put(event);
        fanOut.tellSubscribers(event);
      }
      fedVersion = Number(list.version);
      // The changes in between cannot be told in full.
      window.restart(fedVersion);
      fanOut.endWatchers(
        new Gone(`too old resource version: the history of ${resource} starts at ${list.version}`),
      );
      waiters.reached(list.version);
    },
    close() {
      fanOut.endWatchers(undefined);
      waiters.close();
    },
  };
}

/** Lists of older versions. The last one is kept, as the pages of a list share a version. */
function pastStates<T extends KubeObject>(
  window: EventWindow<T>,
  current: () => readonly T[],
): (version: number) => readonly T[] {
  let last: { readonly version: number; readonly objects: readonly T[] } | undefined;
  return (version) => {
    const later = window.after(version);
    if (later.length === 0) return current();
    if (last?.version !== version) last = { version, objects: sortByKey(undone(current(), later)) };
    return last.objects;
  };
}
