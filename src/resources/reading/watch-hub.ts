/**
 * Fan-out of one resource's changes to every watcher in the process. One reader of the cache feeds all of them, and an
 * event is only looked at by watchers whose scope it touches (all, a namespace, an object, a node), so that a thousand
 * agents each watching its own pods cost an event the work of one.
 *
 * The hub keeps a window of recent events: a watch resumes from there, and a list of an older version is made by undoing
 * what came after. When the cache had to list anew (history was lost, or it fell behind), watchers are ended with
 * 410 instead of being told of deletions that may not have happened.
 */
import { createAbort } from '../../base/abort.ts';
import type { Logger } from '../../base/logger.ts';
import type { KubeObject } from '../../schemas/object.ts';
import { expired } from '../../schemas/errors/status.ts';
import type { CacheEvent, ResourceCache } from '../../store/cache/cache.ts';
import { Gone } from '../../store/types.ts';
import { createSortedObjects, sortByKey, sortKey } from './sorted-objects.ts';

/** What a watch is interested in; exactly one. Selectors refine it per watcher. */
export type WatchScope =
  | { readonly type: 'all' }
  | { readonly type: 'namespace'; readonly namespace: string }
  | { readonly type: 'object'; readonly key: string }
  | { readonly type: 'node'; readonly node: string };

export interface HubWatcher {
  /** Called synchronously, in order, once per event in scope. Must not throw. */
  event(event: CacheEvent): void;
  /** The watch is over; nothing follows. */
  end(error: Error | undefined): void;
}

export interface WatchHub extends AsyncDisposable {
  readonly cache: ResourceCache;
  /** Oldest version that a watch may resume from. */
  readonly floor: number;
  /** Sends what the window holds after `from`, then every later change. Throws 410 when `from` is too old. */
  watch(scope: WatchScope, from: number, watcher: HubWatcher): Disposable;
  /** The objects as of `version`; throws 410 when the window does not reach back that far. */
  objectsAt(version: number): Promise<readonly KubeObject[]>;
  /** All objects in the order of their keys, and the version that this is the state of. */
  current(): { readonly objects: readonly KubeObject[]; readonly version: string };
  /** Those of the current objects that a scope can hold, in the same order, found without looking at the others. */
  within(scope: WatchScope): readonly KubeObject[];
  /** Everything up to this version has been handed to the watchers. */
  readonly progress: string;
  /** Resolves once everything that the cache holds has been handed to the watchers. */
  caughtUp(): Promise<void>;
  readonly watchers: number;
}

export interface WatchHubOptions {
  readonly cache: ResourceCache;
  readonly logger: Logger;
  readonly windowLimit?: number;
}

/** Events kept for resuming and for consistent pages; about the churn of some minutes in a busy cluster. */
const DEFAULT_WINDOW_LIMIT = 5_000;

interface Subscription {
  readonly watcher: HubWatcher;
  readonly from: number;
}

export function createWatchHub(options: WatchHubOptions): WatchHub {
  const { cache, logger } = options;
  const windowLimit = options.windowLimit ?? DEFAULT_WINDOW_LIMIT;
  const scopes = new Map<string, Set<Subscription>>();
  const stop = createAbort();
  let window: CacheEvent[] = [];
  let floor = Number(cache.version);
  /** Newest event that the cache has told of, and newest that this hub has handed on. */
  let told = floor;
  let seen = floor;
  const sorted = createSortedObjects(cache);
  /** The state that was last made by undoing: the pages of one list ask for the same one again and again. */
  let past: { readonly version: number; readonly objects: readonly KubeObject[] } | undefined;
  let waiting: (() => void)[] = [];
  const listening = cache.subscribe((event) => {
    told = Number(event.version);
    sorted.changed(event);
  });

  function deliver(event: CacheEvent): void {
    window.push(event);
    if (window.length > windowLimit * 2) {
      const dropped = window.splice(0, window.length - windowLimit);
      floor = Number(dropped.at(-1)?.version ?? floor);
    }
    seen = Number(event.version);
    for (const key of scopesOf(event))
      for (const subscription of scopes.get(key) ?? [])
        if (seen > subscription.from) subscription.watcher.event(event);
  }

  function endAll(error: Error | undefined): void {
    const all = [...scopes.values()].flatMap((set) => [...set]);
    scopes.clear();
    for (const { watcher } of all) watcher.end(error);
  }

  function restart(): void {
    window = [];
    floor = Number(cache.version);
    seen = Math.max(seen, told);
    endAll(expired(`too old resource version: the history of ${cache.resource} starts at ${floor}`));
  }

  function wake(): void {
    const ready = waiting;
    waiting = [];
    for (const resume of ready) resume();
  }

  async function run(): Promise<void> {
    // eslint-disable-next-line no-restricted-syntax -- the cache's own feed pauses; this one begins at its newest version
    while (!stop.signal.aborted) {
      try {
        for await (const event of cache.watch(cache.version, stop.signal)) {
          deliver(event);
          if (seen >= told) wake();
        }
        return;
      } catch (error) {
        if (!(error instanceof Gone))
          logger.error({ error, resource: cache.resource }, 'The watch hub failed');
        restart();
        wake();
      }
    }
  }
  const running = run();

  async function caughtUp(): Promise<void> {
    while (seen < told && !stop.signal.aborted) await new Promise<void>((resolve) => waiting.push(resolve));
  }

  return {
    cache,
    get floor() {
      return floor;
    },
    get progress() {
      return seen >= told ? cache.version : String(seen);
    },
    get watchers() {
      return [...scopes.values()].reduce((sum, set) => sum + set.size, 0);
    },
    watch(scope, from, watcher) {
      if (from < floor) throw expired(`too old resource version: ${from} (${floor})`);
      const key = scopeKey(scope);
      const subscription = { watcher, from };
      for (let index = firstAfter(window, from); index < window.length; index += 1) {
        const event = window[index];
        if (event && scopesOf(event).includes(key)) watcher.event(event);
      }
      let set = scopes.get(key);
      if (!set) scopes.set(key, (set = new Set()));
      set.add(subscription);
      return {
        [Symbol.dispose]() {
          const current = scopes.get(key);
          current?.delete(subscription);
          if (current?.size === 0) scopes.delete(key);
        },
      };
    },
    caughtUp,
    async objectsAt(version) {
      await caughtUp();
      if (version < floor) throw expired(`too old resource version: ${version} (${floor})`);
      if (firstAfter(window, version) === window.length) return sorted.all();
      if (past?.version === version) return past.objects;
      const state = new Map<string, KubeObject>();
      for (const object of cache.list()) state.set(sortKey(object), object);
      for (let index = window.length - 1; index >= 0; index -= 1) {
        const event = window[index];
        if (!event || Number(event.version) <= version) break;
        const key = sortKey(event.object);
        if (event.previous) state.set(key, event.previous);
        else state.delete(key);
      }
      past = { version, objects: sortByKey([...state.values()]) };
      return past.objects;
    },
    current() {
      return { objects: sorted.all(), version: cache.version };
    },
    within(scope) {
      switch (scope.type) {
        case 'all':
          return sorted.all();
        case 'namespace':
          return sorted.inNamespace(scope.namespace);
        case 'object': {
          const found = cache.get(scope.key);
          return found ? [found] : [];
        }
        case 'node':
          cache.addIndex(NODE_INDEX, nodesOf);
          return sortByKey(cache.byIndex(NODE_INDEX, scope.node));
      }
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      listening[Symbol.dispose]();
      endAll(undefined);
      await running;
      wake();
    },
  };
}

function scopeKey(scope: WatchScope): string {
  switch (scope.type) {
    case 'all':
      return '*';
    case 'namespace':
      return `ns ${scope.namespace}`;
    case 'object':
      return `key ${scope.key}`;
    case 'node':
      return `node ${scope.node}`;
  }
}

const NODE_INDEX = 'scope of a node';
const nodesOf = (object: KubeObject): readonly string[] => {
  const node = nodeNameOf(object);
  return node === undefined ? [] : [node];
};

/** Index of the first event after `version`; events are in the order of their versions. */
function firstAfter(events: readonly CacheEvent[], version: number): number {
  let low = 0;
  let high = events.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (Number(events[middle]?.version) > version) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** A pod that moves between scopes of nodes (it is bound) touches both. */
function scopesOf(event: CacheEvent): readonly string[] {
  const { namespace } = event.object.metadata;
  const keys = ['*', `key ${event.key}`];
  if (namespace !== undefined) keys.push(`ns ${namespace}`);
  const node = nodeNameOf(event.object);
  const before = event.previous && nodeNameOf(event.previous);
  if (node !== undefined) keys.push(`node ${node}`);
  if (before !== undefined && before !== node) keys.push(`node ${before}`);
  return keys;
}

function nodeNameOf(object: KubeObject): string | undefined {
  const node = (object['spec'] as { nodeName?: unknown } | undefined)?.nodeName;
  return typeof node === 'string' && node !== '' ? node : undefined;
}
