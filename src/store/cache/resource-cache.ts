/**
 * One resource held in memory, complete up to `version`, and the events that brought it there.
 *
 * Subscribers are called synchronously and in order; one that throws is logged and stops nobody. Watchers read from
 * bounded queues: a slow one gets Gone and holds up nobody. `cache-set.ts` feeds this from the store.
 */
import { createAsyncQueue } from '../../base/async-queue.ts';
import { TransientError } from '../../base/errors.ts';
import { andThen, type Eventually } from '../../base/eventually.ts';
import type { Logger } from '../../base/logger.ts';
import type { KubeObject } from '../../schemas/object.ts';
import type { ResourceId } from '../../schemas/resource-kind.ts';
import type { CacheEvent, ResourceCache } from './cache.ts';
import { planRelist } from './plan-relist.ts';
import { createResourceView } from './resource-view.ts';
import { Gone, type ListResult, type StoreEvent } from '../types.ts';
import { laterVersion, parseVersion } from '../version.ts';

export interface CacheLimits {
  /** Events kept for watches that resume. */
  readonly historyLimit: number;
  /** Events that may wait for one watcher. */
  readonly watchQueueLimit: number;
}

export interface FedCache<T extends KubeObject> {
  readonly cache: ResourceCache<T>;
  apply(event: StoreEvent): void;
  /** The change of this version tells nothing that can be used; what comes after it is waited for all the same. */
  passOver(version: string): void;
  relist(list: ListResult): void;
  close(): void;
}

export interface FedCacheOptions extends CacheLimits {
  readonly resource: ResourceId;
  readonly logger: Logger;
  /** Asks the store for `versions` of this resource. */
  versions(): Eventually<{ readonly resource: string; readonly store: string }>;
}

export function createFedCache<T extends KubeObject>(options: FedCacheOptions): FedCache<T> {
  const { resource, logger } = options;
  const view = createResourceView<T>();
  const listeners = new Set<(event: CacheEvent<T>) => void>();
  const watchers = new Set<{ push(event: CacheEvent<T>): void; close(error?: Error): void }>();
  const waiters = new Set<{ readonly version: number; done(): void }>();
  /** Events in order of their version; the first `trimmed` of them are no longer valid. */
  let history: CacheEvent<T>[] = [];
  let historyFloor = 0;
  let version = '0';
  /** The newest version of an event or list: the view is complete up to here without asking. */
  let fedVersion = 0;
  let closed = false;

  function tell(event: CacheEvent<T>): void {
    for (const listener of [...listeners]) {
      try {
        listener(event);
      } catch (error) {
        logger.error({ error, resource, key: event.key }, 'A subscriber of the cache failed');
      }
    }
  }

  function progress(to: string): void {
    if (to === version) return;
    version = laterVersion(version, to);
    const reached = Number(version);
    for (const waiter of [...waiters]) if (waiter.version <= reached) waiter.done();
  }

  function untilFed(target: number, signal: AbortSignal | undefined): Eventually<void> {
    if (Number(version) >= target) return undefined;
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        waiters.delete(waiter);
        reject(new TransientError(`Cannot wait for version ${target} of ${resource}: aborted`));
      };
      const waiter = {
        version: target,
        done: () => {
          waiters.delete(waiter);
          signal?.removeEventListener('abort', abort);
          if (closed && Number(version) < target) abort();
          else resolve();
        },
      };
      if (signal?.aborted || closed) return abort();
      signal?.addEventListener('abort', abort, { once: true });
      waiters.add(waiter);
    });
  }

  function refresh(signal?: AbortSignal): Eventually<void> {
    return andThen(options.versions(), (versions) =>
      // Everything of this resource up to `versions.resource` is here, and nothing newer existed at `versions.store`.
      andThen(untilFed(Number(versions.resource), signal), () => progress(versions.store)),
    );
  }

  const cache: ResourceCache<T> = {
    resource,
    get version() {
      return version;
    },
    get: (key) => view.objects.get(key),
    list: (namespace) => (namespace === undefined ? [...view.objects.values()] : view.inNamespace(namespace)),
    byIndex: (index, value) => view.byIndex(index, value),
    addIndex: (index, valuesOf) => view.addIndex(index, valuesOf),
    subscribe(listener) {
      listeners.add(listener);
      return { [Symbol.dispose]: () => void listeners.delete(listener) };
    },
    refresh,
    async waitFor(target, signal) {
      const wanted = parseVersion(target);
      if (wanted === undefined)
        throw new Gone(`Cannot wait for version "${target}" of ${resource}: not a version`);
      if (Number(version) >= wanted) return;
      await refresh(signal);
      await untilFed(wanted, signal);
    },
    async *watch(fromVersion, signal) {
      if (signal.aborted) return;
      const from = parseVersion(fromVersion);
      if (from === undefined || from < historyFloor) throw tooOld(fromVersion);
      const queue = createAsyncQueue<CacheEvent<T>>(options.watchQueueLimit);
      const watcher = {
        push(event: CacheEvent<T>) {
          if (queue.push(event)) return;
          watchers.delete(watcher);
          queue.close(new Gone(`Cannot watch ${resource}: the consumer is too slow`));
        },
        close: (error?: Error) => queue.close(error),
      };
      const stop = (): void => queue.close();
      const backlog = history.slice(firstAfter(history, from));
      watchers.add(watcher);
      signal.addEventListener('abort', stop, { once: true });
      if (closed) stop();
      try {
        for (const event of backlog) {
          if (signal.aborted) return;
          yield event;
        }
        for await (const event of queue) {
          if (signal.aborted) return;
          if (Number(event.version) > from) yield event;
        }
      } finally {
        watchers.delete(watcher);
        signal.removeEventListener('abort', stop);
      }
    },
  };

  const tooOld = (from: string): Gone =>
    new Gone(`Cannot watch ${resource} from version "${from}": too old, list again`);

  return {
    cache,
    apply(event) {
      if (Number(event.version) <= fedVersion) return;
      fedVersion = Number(event.version);
      const object = event.object as T;
      const previous = view.put(event.key, event.type === 'DELETED' ? undefined : object);
      const { type, key } = event;
      const told: CacheEvent<T> = {
        type,
        key,
        object,
        ...(previous ? { previous } : {}),
        version: event.version,
      };
      history.push(told);
      if (history.length > options.historyLimit * 2) {
        const dropped = history.splice(0, history.length - options.historyLimit);
        historyFloor = Number(dropped.at(-1)?.version ?? historyFloor);
      }
      tell(told);
      for (const watcher of [...watchers]) watcher.push(told);
      progress(event.version);
    },
    passOver(passed) {
      if (Number(passed) <= fedVersion) return;
      fedVersion = Number(passed);
      progress(passed);
    },
    relist(list) {
      const events = planRelist(view.objects, list.objects as readonly T[], list.version);
      for (const event of events) {
        view.put(event.key, event.type === 'DELETED' ? undefined : event.object);
        tell(event);
      }
      // What happened in between cannot be told in full, so that whoever resumes from there lists again.
      history = [];
      fedVersion = Number(list.version);
      historyFloor = fedVersion;
      for (const watcher of [...watchers]) watcher.close(new Gone(`Cannot watch ${resource}: listed anew`));
      watchers.clear();
      progress(list.version);
    },
    close() {
      closed = true;
      for (const watcher of [...watchers]) watcher.close();
      for (const waiter of [...waiters]) waiter.done();
    },
  };
}

/** Index of the first event after `version`; the events are in order of their version. */
function firstAfter(events: readonly { readonly version: string }[], version: number): number {
  let low = 0;
  let high = events.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (Number(events[middle]?.version) > version) high = middle;
    else low = middle + 1;
  }
  return low;
}
