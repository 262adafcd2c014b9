/**
 * Deletes what lost its owners, and carries out foreground and orphaning deletion.
 *
 * Who depends on whom comes from the caches of all kinds, each of them synced; whether an owner is really gone is asked of
 * the store itself. Before an owner is let go, the caches are brought up to the present, so that a dependent created
 * a moment ago is seen.
 */
import type { KubeObject, OwnerReference } from '../../schemas/object.ts';
import { keyOf, objectKey } from '../../schemas/object.ts';
import { type ResourceId, storageIdOf } from '../../schemas/resource-kind.ts';
import type { ResourceCache } from '../../store/cache/cache.ts';
import { absent, type Check, unchanged } from '../../resources/writing/write-plan.ts';
import { followCaches } from '../../store/cache/follow-caches.ts';
import { applyAndWait, type ControllerContext, type Loop, startLoop } from '../controller.ts';
import { isDeleting } from '../ownership.ts';
import { concernsCollector, type OwnerState, planCollection } from './plan-collection.ts';

const OWNER_INDEX = 'owner-uid';

/** Kinds that have no dependents worth tracking and come in great numbers. */
const IGNORED: ReadonlySet<ResourceId> = new Set(['events', 'events.events.k8s.io']);

export async function startGarbageCollector(context: ControllerContext): Promise<Loop> {
  const { registry, store } = context;
  const held: { loop?: Loop } = {};
  const caches = new Map<ResourceId, ResourceCache>();
  const followed = await followCaches({
    caches: context.caches,
    registry,
    accepts: (kind) => !IGNORED.has(storageIdOf(kind)),
    opened(kind, cache) {
      cache.addIndex(OWNER_INDEX, (object) => (object.metadata.ownerReferences ?? []).map(({ uid }) => uid));
      caches.set(storageIdOf(kind), cache);
      return watch(storageIdOf(kind), cache);
    },
  });

  const loop = startLoop({
    name: 'garbage-collector',
    context,
    concurrency: 20,
    *keys() {
      for (const [resource, cache] of caches) {
        for (const object of cache.list())
          if (concernsCollector(object)) yield loopKey(resource, keyOf(object));
      }
    },
    async reconcile(key, signal) {
      if (!context.mayAct()) return;
      const [resource, name] = splitLoopKey(key);
      const object = caches.get(resource)?.get(name);
      if (!object || !concernsCollector(object)) return;
      if (isDeleting(object)) {
        await followed.ready();
        await Promise.all([...caches.values()].map(async (cache) => cache.refresh(signal)));
      }
      const owners = await Promise.all(
        (object.metadata.ownerReferences ?? []).map((owner) => readOwner(object, owner)),
      );
      const plan = planCollection({ object, owners, dependents: dependentsOf(object.metadata.uid) });
      // Asked again, as reading took time: nothing is deleted once rebuilding has begun.
      if (!context.mayAct()) return;
      if (plan.writes.length > 0)
        await applyAndWait(context, plan.writes, signal, ownerChecks(object, owners));
      for (const next of plan.visit) enqueue(next);
    },
  });

  function dependentsOf(uid: string | undefined): KubeObject[] {
    if (!uid) return [];
    return [...caches.values()].flatMap((cache) => cache.byIndex(OWNER_INDEX, uid));
  }

  async function readOwner(object: KubeObject, owner: OwnerReference): Promise<OwnerState> {
    const kind = registry.byKind(owner.apiVersion, owner.kind);
    if (!kind || (kind.namespaced && !object.metadata.namespace)) return { state: 'unresolvable' };
    const namespace = kind.namespaced ? object.metadata.namespace : undefined;
    const found = await store.get(storageIdOf(kind), objectKey(namespace, owner.name));
    return found ? { state: 'live', object: found } : { state: 'absent' };
  }

  /** Owners that are gone, or are others of their name by now, must be so still (INVARIANTS 12). */
  function ownerChecks(object: KubeObject, owners: readonly OwnerState[]): readonly Check[] {
    if (isDeleting(object)) return [];
    return (object.metadata.ownerReferences ?? []).flatMap(({ apiVersion, kind, name, uid }, index) => {
      const owner = owners[index];
      if (owner?.state === 'live') return owner.object.metadata.uid === uid ? [] : [unchanged(owner.object)];
      if (owner?.state !== 'absent') return [];
      const { namespace } = registry.byKind(apiVersion, kind)?.namespaced ? object.metadata : {};
      return [absent({ apiVersion, kind, metadata: { name, ...(namespace ? { namespace } : {}) } })];
    });
  }

  function enqueue(object: KubeObject): void {
    const kind = registry.byKind(object.apiVersion, object.kind);
    if (kind) held.loop?.queue.add(loopKey(storageIdOf(kind), keyOf(object)));
  }

  held.loop = loop;

  function watch(resource: ResourceId, cache: ResourceCache): Disposable {
    // Of a kind that came late, some objects may be there already.
    for (const object of cache.list()) if (concernsCollector(object)) enqueue(object);
    return cache.subscribe(({ type, key, object, previous }) => {
      if (type !== 'DELETED' && concernsCollector(object)) held.loop?.queue.add(loopKey(resource, key));
      if (type === 'DELETED' || (isDeleting(object) && previous && !isDeleting(previous))) {
        for (const dependent of dependentsOf(object.metadata.uid)) enqueue(dependent);
      }
      if (type !== 'DELETED' && !previous) return;
      // An owner that waits for its dependents looks again when one of them goes or changes.
      for (const owner of (previous ?? object).metadata.ownerReferences ?? []) enqueueOwner(object, owner);
    });
  }

  function enqueueOwner(object: KubeObject, owner: OwnerReference): void {
    const kind = registry.byKind(owner.apiVersion, owner.kind);
    if (!kind) return;
    const resource = storageIdOf(kind);
    const key = objectKey(kind.namespaced ? object.metadata.namespace : undefined, owner.name);
    const found = caches.get(resource)?.get(key);
    if (found && isDeleting(found)) held.loop?.queue.add(loopKey(resource, key));
  }

  return {
    queue: loop.queue,
    async [Symbol.asyncDispose]() {
      followed[Symbol.dispose]();
      await loop[Symbol.asyncDispose]();
    },
  };
}

function loopKey(resource: ResourceId, key: string): string {
  return `${resource} ${key}`;
}

function splitLoopKey(key: string): readonly [ResourceId, string] {
  const space = key.indexOf(' ');
  return [key.slice(0, space), key.slice(space + 1)];
}
