/**
 * Deletes what has outlived its kind's time to live (Events). Kubernetes leaves that to etcd's leases; like these, it asks no
 * finalizer, and every write begins the time anew. It works on an index of times that the cache keeps up to date: a tick
 * looks at what has expired, never at all objects.
 */
import { type KubeObject, keyOf } from '../../schemas/object.ts';
import { type ResourceId, storageIdOf } from '../../schemas/resource-kind.ts';
import type { ResourceCache } from '../../store/cache/cache.ts';
import { laterVersion } from '../../store/version.ts';
import { writeEach } from '../../resources/writing/write-each.ts';
import type { Write } from '../../resources/writing/write-plan.ts';
import { type ControllerContext, type Loop, startLoop } from '../controller.ts';
import { ageMs, createExpiryIndex, type ExpiryIndex } from './expiry-index.ts';

export interface ExpiryOptions {
  /** Instead of the kind's own; 0: for ever. */
  readonly eventTtlMs?: number | undefined;
}

/** An object lives for its time and at most this share of it longer. */
const TICKS_PER_TTL = 60;
/** Deletions in one commit: some tens of milliseconds of the store, some hundred kilobytes of its log. */
export const EXPIRY_BATCH = 500;
/** Between commits, so that watchers keep up: 5,000 a second at most. */
const PAUSE_MS = 100;

interface Expiring {
  readonly cache: ResourceCache;
  readonly index: ExpiryIndex;
  readonly tickMs: number;
  tick: number;
}

export async function startExpiryController(
  context: ControllerContext,
  options: ExpiryOptions = {},
): Promise<AsyncDisposable> {
  const { registry, caches, clock } = context;
  const expiring = new Map<ResourceId, Expiring>();
  const undo: Disposable[] = [];
  for (const kind of registry.stored) {
    const ttlMs = kind.kind === 'Event' ? (options.eventTtlMs ?? kind.ttlMs) : kind.ttlMs;
    if (!ttlMs || expiring.has(storageIdOf(kind))) continue;
    const cache = await caches.open(storageIdOf(kind));
    const tickMs = Math.max(1, Math.ceil(ttlMs / TICKS_PER_TTL));
    const index = createExpiryIndex(TICKS_PER_TTL);
    const one: Expiring = { cache, index, tickMs, tick: 0 };
    for (const object of [...cache.list()].sort((a, b) => versionOf(a) - versionOf(b))) {
      const age = ageMs(object.metadata.resourceVersion ?? '0', cache.version);
      index.written(keyOf(object), 0, Math.floor(age / tickMs));
    }
    expiring.set(storageIdOf(kind), one);
    undo.push(
      cache.subscribe(({ type, key }) => {
        if (type === 'DELETED') index.removed(key);
        else index.written(key, one.tick);
      }),
      everyTick(one, () => loop.queue.add(storageIdOf(kind))),
    );
  }

  const loop: Loop = startLoop({
    name: 'expiry',
    context,
    keys: () => expiring.keys(),
    async reconcile(resource) {
      const one = expiring.get(resource);
      if (!one || !context.mayAct()) return undefined;
      const due = one.index.due(one.tick, EXPIRY_BATCH);
      if (due.length === 0) return undefined;
      await remove(one, due);
      return { requeueAfterMs: PAUSE_MS };
    },
  });

  /** Those that somebody writes or deletes at this moment are left out: the cache tells of them. */
  async function remove({ cache, index }: Expiring, keys: readonly string[]): Promise<void> {
    const writes = keys.flatMap((key): Write[] => {
      const object = cache.get(key);
      if (!object) index.removed(key);
      return object ? [{ verb: 'delete', object, isExpired: true }] : [];
    });
    const outcomes = await writeEach(context.writer, writes, context.fence ? { fence: context.fence } : {});
    let newest = '0';
    for (const { object } of outcomes) newest = laterVersion(newest, object?.metadata.resourceVersion ?? '0');
    await cache.waitFor(newest);
  }

  function everyTick(one: Expiring, then: () => void): Disposable {
    const next = (): void => {
      one.tick += 1;
      then();
      timer = clock.setTimer(next, one.tickMs);
    };
    let timer = clock.setTimer(next, one.tickMs);
    return { [Symbol.dispose]: () => timer.cancel() };
  }

  return {
    async [Symbol.asyncDispose]() {
      for (const item of undo) item[Symbol.dispose]();
      await loop[Symbol.asyncDispose]();
    },
  };
}

const versionOf = ({ metadata }: KubeObject): number => Number(metadata.resourceVersion ?? 0);
