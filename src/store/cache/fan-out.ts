/**
 * Tells others about the changes of one resource. Subscribers hear everything. A watcher hears only
 * what touches its scope, and is not asked about the rest: a thousand agents that each watch their
 * own pods cost an event the work of one.
 */
import type { Logger } from '../../base/logger.ts';
import type { KubeObject } from '../../schemas/object.ts';
import type { CacheEvent, CacheScope, CacheWatcher } from './cache.ts';

export interface FanOut<T extends KubeObject> {
  subscribe(listener: (event: CacheEvent<T>) => void): Disposable;
  /** `past`: the events after `from` that happened before; those in scope are sent at once. */
  watch(scope: CacheScope, from: number, watcher: CacheWatcher, past: readonly CacheEvent<T>[]): Disposable;
  /** A subscriber or watcher that throws is logged and stops nobody. */
  tellSubscribers(event: CacheEvent<T>): void;
  tellWatchers(event: CacheEvent<T>): void;
  endWatchers(error: Error | undefined): void;
}

export interface FanOutOptions<T extends KubeObject> {
  readonly logger: Logger;
  /** The values under which an index holds an object. Throws when the index was never added. */
  readonly valuesOf: (index: string) => (object: T) => readonly string[];
}

interface Watch {
  readonly watcher: CacheWatcher;
  readonly from: number;
}

export function createFanOut<T extends KubeObject>({ logger, valuesOf }: FanOutOptions<T>): FanOut<T> {
  const listeners = new Set<(event: CacheEvent<T>) => void>();
  const scopes = new Map<string, Set<Watch>>();
  /** The indexes that were ever watched. */
  const indexes = new Map<string, (object: T) => readonly string[]>();

  /** A closure for each of a thousand watchers would cost more than the call. */
  function call<A>(task: (argument: A) => void, argument: A): void {
    try {
      task(argument);
    } catch (error) {
      logger.error({ error }, 'A subscriber of the cache failed');
    }
  }

  /** Scopes that an event touches. An object that moves between values of an index touches both. */
  function touched({ key, object, previous }: CacheEvent<T>): readonly string[] {
    const { namespace } = object.metadata;
    const keys = [scopeKey({ type: 'all' }), scopeKey({ type: 'object', key })];
    if (namespace !== undefined) keys.push(scopeKey({ type: 'namespace', namespace }));
    for (const [index, valuesIn] of indexes) {
      const values = new Set([...valuesIn(object), ...(previous ? valuesIn(previous) : [])]);
      for (const value of values) keys.push(scopeKey({ type: 'index', index, value }));
    }
    return keys;
  }

  return {
    subscribe(listener) {
      listeners.add(listener);
      return { [Symbol.dispose]: () => void listeners.delete(listener) };
    },
    watch(scope, from, watcher, past) {
      if (scope.type === 'index') indexes.set(scope.index, valuesOf(scope.index));
      const key = scopeKey(scope);
      for (const event of past) if (touched(event).includes(key)) watcher.event(event);
      // A watch that begins while an event is told has the event from the past.
      const watch = { watcher, from: Number(past.at(-1)?.version ?? from) };
      const watches = scopes.get(key) ?? new Set();
      scopes.set(key, watches.add(watch));
      return {
        [Symbol.dispose]() {
          watches.delete(watch);
          if (watches.size === 0 && scopes.get(key) === watches) scopes.delete(key);
        },
      };
    },
    tellSubscribers(event) {
      for (const listener of [...listeners]) call(listener, event);
    },
    tellWatchers(event) {
      const version = Number(event.version);
      for (const key of touched(event)) {
        for (const { watcher, from } of scopes.get(key) ?? []) if (version > from) call(watcher.event, event);
      }
    },
    endWatchers(error) {
      const all = [...scopes.values()];
      scopes.clear();
      // The sets are live: a watcher that another one disposes hears nothing more.
      for (const watches of all) for (const { watcher } of watches) call(watcher.end, error);
    },
  };
}

function scopeKey(scope: CacheScope): string {
  switch (scope.type) {
    case 'all':
      return '*';
    case 'namespace':
      return `namespace ${scope.namespace}`;
    case 'object':
      return `object ${scope.key}`;
    case 'index':
      return `index ${scope.index} ${scope.value}`;
  }
}
