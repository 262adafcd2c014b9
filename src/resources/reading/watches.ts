/**
 * Watches on top of the hub: initial events, selector transitions (an object that stops matching is DELETED to that
 * watcher), bookmarks and the end of the time that the client asked for. A watch of custom resources ends with the definition that it
 * began with: when that is gone, or says something else.
 */
import type { Clock, Timer } from '../../base/clock.ts';
import type { Rng } from '../../base/rng.ts';
import { formatApiVersion, type KubeObject } from '../../schemas/object.ts';
import {
  fromStored,
  type Registry,
  type ResourceKind,
  type StoredForm,
} from '../../schemas/resource-kind.ts';
import { expired } from '../../schemas/errors/status.ts';
import type { CacheEvent } from '../../store/cache/cache.ts';
import { reach } from './reads.ts';
import { parseSelection, type Selection } from './selection.ts';
import type { Snapshots } from './snapshots.ts';
import type { CollectionRef, WatchFrame, WatchFrameType, WatchOptions, WatchSink } from '../types.ts';
import { parseResourceVersion } from './versions.ts';

/** How often an idle watch learns the current version, so that it can resume cheaply. Upstream: about a minute. */
const BOOKMARK_INTERVAL_MS = 60_000;
/** Watches without a time of their own end after 30 to 60 minutes, so that clients spread over the servers again. */
const DEFAULT_TIMEOUT_MS = 30 * 60_000;
const MAX_TIMEOUT_SECONDS = 2_000_000;

export interface WatchDependencies {
  readonly snapshots: Snapshots;
  readonly registry: Registry;
  readonly clock: Clock;
  readonly rng: Rng;
}

export async function startWatch(
  dependencies: WatchDependencies,
  collection: CollectionRef,
  options: WatchOptions,
  sink: WatchSink,
): Promise<Disposable> {
  const { clock, rng } = dependencies;
  const selection = parseSelection({ ...collection, ...options });
  const snapshot = await dependencies.snapshots.open(collection.kind);
  const { hub } = snapshot;
  const version = options.resourceVersion ?? '';
  const fromState = version === '' || version === '0';
  const initial = options.sendInitialEvents ?? fromState;
  let from: number;
  if (initial || fromState) {
    await reach(snapshot, version);
    // From here on synchronous: the state, its version and the subscription belong together.
    from = Number(hub.cache.version);
  } else {
    from = parseResourceVersion(version);
    if (from > Number(hub.cache.version)) {
      await snapshot.refresh();
      const current = hub.cache.version;
      if (from > Number(current))
        throw expired(`too large resource version: ${version}, current: ${current}`);
    }
    if (from < hub.floor) throw expired(`too old resource version: ${version} (${hub.floor})`);
  }

  const timers: { bookmark?: Timer; timeout?: Timer } = {};
  const held: { subscription?: Disposable; definition?: Disposable } = {};
  let over = false;
  function stop(): void {
    over = true;
    timers.bookmark?.cancel();
    timers.timeout?.cancel();
    held.subscription?.[Symbol.dispose]();
    held.definition?.[Symbol.dispose]();
  }
  function finish(error: Error | undefined): void {
    if (over) return;
    stop();
    sink.end(error);
  }
  const bookmark = (extra?: Record<string, unknown>, at = hub.progress): void => {
    if (!over) sink.frame(bookmarkFrame(collection.kind, at, extra));
  };

  if (initial) {
    for (const object of initialObjects(collection.kind, hub.within(selection.scope), selection))
      sink.frame({ type: 'ADDED', object });
    if (options.sendInitialEvents && options.allowWatchBookmarks)
      bookmark({ annotations: { 'k8s.io/initial-events-end': 'true' } }, String(from));
  }
  held.subscription = hub.watch(selection.scope, from, {
    event(event) {
      const frame = over ? undefined : frameFor(servedEvent(collection.kind, event), selection);
      if (frame) sink.frame(frame);
    },
    end: finish,
  });
  if (over) held.subscription[Symbol.dispose]();
  if (!over && collection.kind.custom)
    held.definition = whenReplaced(dependencies.registry, collection.kind, async () => {
      try {
        // The last objects are deleted before their definition: their watchers are told of it.
        await snapshot.refresh();
        await hub.caughtUp();
      } finally {
        finish(undefined);
      }
    });

  const seconds = Math.min(options.timeoutSeconds ?? 0, MAX_TIMEOUT_SECONDS);
  const timeoutMs = seconds > 0 ? seconds * 1_000 : DEFAULT_TIMEOUT_MS * (1 + rng.next());
  if (!over) {
    timers.timeout = clock.setTimer(() => {
      if (options.allowWatchBookmarks) bookmark();
      finish(undefined);
    }, timeoutMs);
    if (options.allowWatchBookmarks) {
      const tick = (): void => {
        bookmark();
        if (!over) timers.bookmark = clock.setTimer(tick, BOOKMARK_INTERVAL_MS);
      };
      timers.bookmark = clock.setTimer(tick, BOOKMARK_INTERVAL_MS);
    }
  }
  return { [Symbol.dispose]: stop };
}

/** Calls once, when the kind is no longer served as it was. */
function whenReplaced(registry: Registry, kind: ResourceKind, ended: () => Promise<void>): Disposable {
  const { group, version, plural } = kind;
  let told = false;
  const look = (): void => {
    const current = registry.byResource(group, version, plural);
    // While a definition is being deleted, its objects go one by one, and that is news.
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

/** One frame per event and type, whoever watches. */
const frames = new WeakMap<CacheEvent, Partial<Record<WatchFrameType, WatchFrame>>>();

function sharedFrame(event: CacheEvent, type: WatchFrameType): WatchFrame {
  let made = frames.get(event);
  if (!made) frames.set(event, (made = {}));
  return (made[type] ??= { type, object: type === 'DELETED' ? lastState(event) : event.object });
}

/** What a watcher is told last: the object as it last matched, with the version of the change that took it away. */
function lastState(event: CacheEvent): KubeObject {
  if (event.type === 'DELETED' || !event.previous) return event.object;
  return { ...event.previous, metadata: { ...event.previous.metadata, resourceVersion: event.version } };
}

function bookmarkFrame(kind: ResourceKind, version: string, extra?: Record<string, unknown>): WatchFrame {
  const metadata = { resourceVersion: version, ...extra } as unknown as KubeObject['metadata'];
  const apiVersion = formatApiVersion(kind.group, kind.version);
  return { type: 'BOOKMARK', object: { kind: kind.kind, apiVersion, metadata } };
}
