/**
 * Watches on top of a cache: initial events, selector transitions (an object that stops matching is
 * DELETED to the watcher), bookmarks and time-out. A watch of custom resources ends with its
 * definition.
 */
import type { Clock } from '../../base/clock.ts';
import type { Rng } from '../../base/rng.ts';
import { formatApiVersion, type KubeObject } from '../../schemas/object.ts';
import {
  fromStored,
  type Registry,
  type ResourceKind,
  type StoredForm,
} from '../../schemas/resource-kind.ts';
import { expired } from '../../schemas/errors/status.ts';
import type { CacheEvent, ResourceCache } from '../../store/cache/cache.ts';
import { reach } from './reads.ts';
import { parseSelection, type Selection } from './selection.ts';
import type { Snapshots } from './snapshots.ts';
import type { CollectionRef, WatchFrame, WatchFrameType, WatchOptions, WatchSink } from '../types.ts';
import { expiredFor, orExpired, parseResourceVersion } from './versions.ts';

/** An idle watch learns the current version this often, to resume cheaply. Upstream: a minute. */
const BOOKMARK_INTERVAL_MS = 60_000;
/** Other watches end after 30 to 60 minutes, so that clients spread over the servers again. */
const DEFAULT_TIMEOUT_MS = 30 * 60_000;
const MAX_TIMEOUT_SECONDS = 2_000_000;

export interface WatchDependencies {
  readonly snapshots: Snapshots;
  readonly registry: Registry;
  readonly clock: Clock;
  readonly rng: Rng;
}

export async function startWatch(
  { snapshots, registry, clock, rng }: WatchDependencies,
  collection: CollectionRef,
  options: WatchOptions,
  sink: WatchSink,
): Promise<Disposable> {
  const { kind } = collection;
  const selection = parseSelection({ ...collection, ...options });
  const cache = await snapshots.open(kind);
  const start = await startOf(cache, options);
  // From here on synchronous: the state, its version and the subscription belong together.
  const from = start ?? Number(cache.version);
  const held: Disposable[] = [];
  let over = false;
  function stop(): void {
    over = true;
    for (const item of held) item[Symbol.dispose]();
  }
  /** Disposes at once where the watch has ended already. */
  function hold(item: Disposable): void {
    if (over) item[Symbol.dispose]();
    else held.push(item);
  }
  function finish(error: Error | undefined): void {
    if (over) return;
    stop();
    sink.end(error);
  }
  const bookmark = (extra?: Record<string, unknown>): void => {
    if (!over && options.allowWatchBookmarks) sink.frame(bookmarkFrame(kind, cache.version, extra));
  };

  if (start === undefined) {
    for (const object of initialObjects(kind, cache.sorted(selection.scope), selection))
      sink.frame({ type: 'ADDED', object });
    if (options.sendInitialEvents) bookmark({ annotations: { 'k8s.io/initial-events-end': 'true' } });
  }
  const watching = orExpired(() =>
    cache.watch(selection.scope, from, {
      event(event) {
        const frame = over ? undefined : frameFor(servedEvent(kind, event), selection);
        if (frame) sink.frame(frame);
      },
      end: (error) => finish(expiredFor(error) as Error | undefined),
    }),
  );
  hold(watching);
  // The last objects are deleted before their definition: their watchers hear of it first.
  const ended = async (): Promise<void> => {
    try {
      await cache.refresh();
    } finally {
      finish(undefined);
    }
  };
  if (kind.custom) hold(whenReplaced(registry, kind, ended));
  hold(every(clock, BOOKMARK_INTERVAL_MS, bookmark));
  const timeout = clock.setTimer(
    () => {
      bookmark();
      finish(undefined);
    },
    timeoutMs(options, rng),
  );
  hold({ [Symbol.dispose]: () => timeout.cancel() });
  return { [Symbol.dispose]: stop };
}

/** The version to resume from; undefined where the watch begins with the state of the cache. */
async function startOf(cache: ResourceCache, options: WatchOptions): Promise<number | undefined> {
  const version = options.resourceVersion ?? '';
  const isFresh = version === '' || version === '0';
  if (options.sendInitialEvents ?? isFresh) {
    await reach(cache, version);
    return undefined;
  }
  if (isFresh) {
    await reach(cache, version);
    return Number(cache.version);
  }
  const from = parseResourceVersion(version);
  if (from <= Number(cache.version)) return from;
  await cache.refresh();
  if (from <= Number(cache.version)) return from;
  throw expired(`too large resource version: ${version}, current: ${cache.version}`);
}

function timeoutMs({ timeoutSeconds = 0 }: WatchOptions, rng: Rng): number {
  const seconds = Math.min(timeoutSeconds, MAX_TIMEOUT_SECONDS);
  return seconds > 0 ? seconds * 1_000 : DEFAULT_TIMEOUT_MS * (1 + rng.next());
}

function every(clock: Clock, intervalMs: number, task: () => void): Disposable {
  const tick = (): void => {
    timer = clock.setTimer(tick, intervalMs);
    task();
  };
  let timer = clock.setTimer(tick, intervalMs);
  return { [Symbol.dispose]: () => timer.cancel() };
}

/** Calls once, when the kind is no longer served as it was. */
function whenReplaced(registry: Registry, kind: ResourceKind, ended: () => Promise<void>): Disposable {
  const { group, version, plural } = kind;
  let told = false;
  const look = (): void => {
    const current = registry.byResource(group, version, plural);
    // While a definition is being deleted, its objects go one by one, and watchers hear of each.
    if (told || current === kind || current?.custom?.terminating === true) return;
    told = true;
    ended().catch(() => undefined);
  };
  const subscription = registry.subscribe(look);
  look();
  return subscription;
}

function initialObjects(
  kind: ResourceKind,
  objects: readonly KubeObject[],
  selection: Selection,
): readonly KubeObject[] {
  const served = kind.storage ? objects.map((object) => fromStored(kind, object)) : objects;
  return served.filter((object) => selection.matches(object));
}

/** Made once for each form of an event, so that all its watchers share one. */
const servedEvents = new WeakMap<StoredForm, WeakMap<CacheEvent, CacheEvent>>();

function servedEvent(kind: ResourceKind, event: CacheEvent): CacheEvent {
  const { storage } = kind;
  if (!storage) return event;
  let events = servedEvents.get(storage);
  if (!events) servedEvents.set(storage, (events = new WeakMap()));
  let served = events.get(event);
  if (!served) {
    const previous = event.previous && fromStored(kind, event.previous);
    served = { ...event, object: fromStored(kind, event.object), ...(previous ? { previous } : {}) };
    events.set(event, served);
  }
  return served;
}

function frameFor(event: CacheEvent, selection: Selection): WatchFrame | undefined {
  const before = event.type === 'ADDED' ? undefined : (event.previous ?? event.object);
  const matchedBefore = before !== undefined && selection.matches(before);
  const matches = event.type !== 'DELETED' && selection.matches(event.object);
  if (matches) return sharedFrame(event, matchedBefore ? 'MODIFIED' : 'ADDED');
  return matchedBefore ? sharedFrame(event, 'DELETED') : undefined;
}

/** One frame per event and type for all watchers. */
const frames = new WeakMap<CacheEvent, Partial<Record<WatchFrameType, WatchFrame>>>();

function sharedFrame(event: CacheEvent, type: WatchFrameType): WatchFrame {
  let made = frames.get(event);
  if (!made) frames.set(event, (made = {}));
  return (made[type] ??= { type, object: type === 'DELETED' ? lastState(event) : event.object });
}

/** The last frame of an object: as it last matched, with the version of the final change. */
function lastState(event: CacheEvent): KubeObject {
  if (event.type === 'DELETED' || !event.previous) return event.object;
  return { ...event.previous, metadata: { ...event.previous.metadata, resourceVersion: event.version } };
}

function bookmarkFrame(kind: ResourceKind, version: string, extra?: Record<string, unknown>): WatchFrame {
  const metadata = { resourceVersion: version, ...extra } as unknown as KubeObject['metadata'];
  const apiVersion = formatApiVersion(kind.group, kind.version);
  return { type: 'BOOKMARK', object: { kind: kind.kind, apiVersion, metadata } };
}
