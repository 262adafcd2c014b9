/**
 * One resource in memory, fed by its change log, for every controller, list and watch of the
 * process (Kubernetes' watch cache and shared informer in one).
 */
import type { Eventually } from '../../base/eventually.ts';
import type { KubeObject } from '../../schemas/object.ts';
import type { ResourceId } from '../../schemas/resource-kind.ts';
import type { WatchEventType } from '../types.ts';

export interface CacheEvent<T extends KubeObject = KubeObject> {
  readonly type: WatchEventType;
  readonly key: string;
  readonly object: T;
  /** The state before, for MODIFIED and DELETED. */
  readonly previous?: T;
  readonly version: string;
}

/** The objects of a watch or a list; selectors refine it. An index must have been added. */
export type CacheScope =
  | { readonly type: 'all' }
  | { readonly type: 'namespace'; readonly namespace: string }
  | { readonly type: 'object'; readonly key: string }
  | { readonly type: 'index'; readonly index: string; readonly value: string };

export interface CacheWatcher {
  /** Called synchronously, in order, once for each event in scope. */
  readonly event: (event: CacheEvent) => void;
  /** The watch is over and nothing follows. With Gone the watcher lists again. */
  readonly end: (error: Error | undefined) => void;
}

export interface ResourceCache<T extends KubeObject = KubeObject> {
  readonly resource: ResourceId;
  /** The version up to which this cache is complete. */
  readonly version: string;
  /** The oldest version that a watch may resume from, and that a list may be made of. */
  readonly floor: number;
  get(key: string): T | undefined;
  /** In no particular order; never a copy, never to be mutated. */
  list(namespace?: string): readonly T[];
  /** The objects of a scope in the order of their keys, found without going through the others. */
  sorted(scope: CacheScope): readonly T[];
  /** All objects as of `version`, by key. Throws Gone when the window begins later. */
  sortedAt(version: number): readonly T[];
  /** Objects whose index values (see `addIndex`) contain `value`. */
  byIndex(index: string, value: string): readonly T[];
  /** At any time: existing objects are indexed at once. The same name again is a no-op. */
  addIndex(index: string, valuesOf: (object: T) => readonly string[]): void;
  /** Called synchronously for each change, in order; after a relist for each difference. */
  subscribe(listener: (event: CacheEvent<T>) => void): Disposable;
  /**
   * Sends the changes after `from` that the window holds, then every later one. Throws Gone when
   * `from` is too old. A relist ends watchers with Gone: an object that looks deleted may be
   * another.
   */
  watch(scope: CacheScope, from: number, watcher: CacheWatcher): Disposable;
  /** Resolves once the cache holds everything up to `version`; rejects when `signal` aborts. */
  waitFor(version: string, signal?: AbortSignal): Promise<void>;
  /** Resolves once everything that was committed before the call is here. */
  refresh(signal?: AbortSignal): Eventually<void>;
}

export interface CacheSet extends AsyncDisposable {
  /** The one cache of a resource in this set: at once after the first time. */
  open<T extends KubeObject = KubeObject>(resource: ResourceId): Eventually<ResourceCache<T>>;
  /**
   * This process wrote, and its cache will show it at `version`. Without a version the outcome is
   * unknown, and the store must be asked.
   */
  expect(resource: ResourceId, version?: string): void;
  /** Resolves (at once, nearly always) when the caches show everything that is expected of them. */
  caughtUp(signal?: AbortSignal): Eventually<void>;
}
