/**
 * Deletes objects whose kind's time to live is over (Events). Like the leases of etcd, it asks no
 * finalizer, and every write begins the time anew. A tick reads the expired objects only, by an
 * index of times that follows the changes of the cache.
 */
import type { Clock } from '../../base/clock.ts';
import { type KubeObject, keyOf } from '../../schemas/object.ts';
import { type ResourceId, type ResourceKind, storageIdOf } from '../../schemas/resource-kind.ts';
import type { ResourceCache } from '../../store/cache/cache.ts';
import type { Controller, ControllerScope, Reconciler } from '../controller.ts';
import { ageMs, createExpiryIndex, type ExpiryIndex } from './expiry-index.ts';

/** An object lives for its time and at most this share of it longer. */
const TICKS_PER_TTL = 60;
/** Deletions in one commit: some tens of milliseconds of the store's time. */
export const EXPIRY_BATCH = 500;
/** Between commits, so that watchers keep up: 5,000 a second at most. */
const PAUSE_MS = 100;

interface Expiring {
  readonly resource: ResourceId;
  readonly cache: ResourceCache;
  readonly index: ExpiryIndex;
  readonly tickMs: number;
  tick: number;
}

/** `eventTtlMs`: instead of the kind's own; 0: for ever. */
export const expiryController = (eventTtlMs?: number): Controller => ({
  name: 'expiry',
  async open(context, scope): Promise<Reconciler<readonly KubeObject[]>> {
    const ttlOf = ({ kind, ttlMs }: ResourceKind): number | undefined =>
      kind === 'Event' ? (eventTtlMs ?? ttlMs) : ttlMs;
    const expiring = new Map<ResourceId, Expiring>();
    for (const kind of context.registry.stored) {
      const resource = storageIdOf(kind);
      const ttlMs = ttlOf(kind);
      if (!ttlMs || expiring.has(resource)) continue;
      const cache = await context.caches.open(resource);
      // Ages are told from the version of the cache, which stands still while nothing changes.
      await cache.refresh(context.signal);
      expiring.set(resource, follow({ resource, cache, ttlMs }, context.clock, scope));
    }
    return {
      pausesForRebuild: true,
      keys: () => expiring.keys(),
      observe(resource) {
        const { index, tick, cache } = expiring.get(resource) ?? {};
        const due = index?.due(tick ?? 0, EXPIRY_BATCH) ?? [];
        return due.length > 0 ? due.flatMap((key) => cache?.get(key) ?? []) : undefined;
      },
      plan: (expired) => ({
        writes: expired.map((object) => ({ verb: 'delete', object, isExpired: true })),
        commitSize: EXPIRY_BATCH,
        requeueAfterMs: PAUSE_MS,
      }),
    };
  },
});

function follow(
  { resource, cache, ttlMs }: { resource: ResourceId; cache: ResourceCache; ttlMs: number },
  clock: Clock,
  scope: ControllerScope,
): Expiring {
  const tickMs = Math.max(1, Math.ceil(ttlMs / TICKS_PER_TTL));
  const index = createExpiryIndex(TICKS_PER_TTL);
  const one: Expiring = { resource, cache, index, tickMs, tick: 0 };
  for (const object of [...cache.list()].sort((a, b) => versionOf(a) - versionOf(b))) {
    const age = ageMs(object.metadata.resourceVersion ?? '0', cache.version);
    index.written(keyOf(object), 0, Math.floor(age / tickMs));
  }
  scope.on(cache, ({ type, key }) => {
    if (type === 'DELETED') index.removed(key);
    else index.written(key, one.tick);
    return [];
  });
  const next = (): void => {
    one.tick += 1;
    scope.enqueue(resource);
    timer = clock.setTimer(next, tickMs);
  };
  let timer = clock.setTimer(next, tickMs);
  scope.defer(() => timer.cancel());
  return one;
}

const versionOf = ({ metadata }: KubeObject): number => Number(metadata.resourceVersion ?? 0);
