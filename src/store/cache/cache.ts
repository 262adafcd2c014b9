/**
 * In-memory views of the store, fed by its change log: one reader per resource feeds every controller, list and watch
 * in the process (Kubernetes' watch cache and shared informer in one).
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

export interface ResourceCache<T extends KubeObject = KubeObject> {
  readonly resource: ResourceId;
  /** The version up to which this view is complete. */
  readonly version: string;
  get(key: string): T | undefined;
  /** In no particular order when `namespace` is undefined; never a copy, never to be mutated. */
  list(namespace?: string): readonly T[];
  /** Objects whose index values (see `addIndex`) contain `value`. */
  byIndex(index: string, value: string): readonly T[];
  /** Call before `start`, or at any time: existing objects are indexed at once. Same name twice is a no-op. */
  addIndex(index: string, valuesOf: (object: T) => readonly string[]): void;
  /** Called synchronously for each change, in order. After a relist the differences come as events too. */
  subscribe(listener: (event: CacheEvent<T>) => void): Disposable;
  /** Resolves once the view holds everything up to `version` (or rejects when `signal` aborts). */
  waitFor(version: string, signal?: AbortSignal): Promise<void>;
  /** Resolves once the view holds everything that was committed before the call: for a consistent list. */
  refresh(signal?: AbortSignal): Eventually<void>;
  /**
   * Events after `fromVersion` that the history window still holds, then live ones. Throws Gone when it is too old, when
   * the consumer falls too far behind, and when the view had to be listed anew (the consumer lists again, too).
   */
  watch(fromVersion: string, signal: AbortSignal): AsyncIterable<CacheEvent<T>>;
}

export interface CacheSet extends AsyncDisposable {
  /** The cache of a resource, started and synced. One per resource and set. */
  open<T extends KubeObject = KubeObject>(resource: ResourceId): Promise<ResourceCache<T>>;
  /**
   * This process wrote to the resource and its cache may not show it yet: it will at `version`; without one, nobody knows
   * whether the write happened, and the store must be asked.
   */
  expect(resource: ResourceId, version?: string): void;
  /** Resolves (at once, nearly always) when the caches show everything that is expected of them. */
  caughtUp(signal?: AbortSignal): Eventually<void>;
}
