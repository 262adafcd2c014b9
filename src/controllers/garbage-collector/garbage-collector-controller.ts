/**
 * Deletes what lost its owners, and carries out foreground and orphaning deletion. The caches of
 * all kinds say which objects depend on which; the store says whether an owner is really gone.
 * Before an owner is let go, the caches catch up, so that a new dependent is seen.
 */
import { append } from '../../base/append.ts';
import type { KubeObject, OwnerReference } from '../../schemas/object.ts';
import { keyOf, objectKey } from '../../schemas/object.ts';
import { type Registry, type ResourceId, storageIdOf } from '../../schemas/resource-kind.ts';
import type { CacheEvent, ResourceCache } from '../../store/cache/cache.ts';
import { absent, type Check, unchanged } from '../../resources/writing/write-plan.ts';
import { followCaches } from '../../store/cache/follow-caches.ts';
import type { Controller, Reconciler } from '../controller.ts';
import { isDeleting } from '../ownership.ts';
import {
  type CollectionInput,
  concernsCollector,
  type OwnerState,
  planCollection,
} from './plan-collection.ts';

const OWNER_INDEX = 'owner-uid';

/** Kinds that have no dependents worth tracking and come in great numbers. */
const IGNORED: ReadonlySet<ResourceId> = new Set(['events', 'events.events.k8s.io']);

export const garbageCollector: Controller = {
  name: 'garbage-collector',
  async open(context, scope): Promise<Reconciler<CollectionInput>> {
    const { registry, store } = context;
    const caches = new Map<ResourceId, ResourceCache>();
    function dependentsOf(uid: string | undefined): readonly KubeObject[] {
      const found: KubeObject[] = [];
      if (uid) for (const cache of caches.values()) append(found, cache.byIndex(OWNER_INDEX, uid));
      return found;
    }
    const keysOf = (objects: readonly KubeObject[]): readonly string[] =>
      objects.flatMap((object) => loopKeyOf(registry, object) ?? []);

    function knownOwner(object: KubeObject, owner: OwnerReference): KubeObject | undefined {
      const { resource, key } = locate(registry, object, owner) ?? {};
      return resource === undefined ? undefined : caches.get(resource)?.get(key ?? '');
    }

    /** An owner that waits for its dependents is reconciled when one of them goes or changes. */
    const waitingOwners = (object: KubeObject): readonly string[] =>
      (object.metadata.ownerReferences ?? []).flatMap((owner) => {
        const found = knownOwner(object, owner);
        return found && isDeleting(found) ? keysOf([found]) : [];
      });

    /** All its owners are here to stay. The news that one goes concern its dependents. */
    const isHeld = (object: KubeObject): boolean =>
      !isDeleting(object) &&
      (object.metadata.ownerReferences ?? []).every((owner) => {
        const found = knownOwner(object, owner);
        return found?.metadata.uid === owner.uid && !isDeleting(found);
      });

    function concerned({ type, object, previous }: CacheEvent): readonly string[] {
      const isGone = type === 'DELETED';
      const begins = isDeleting(object) && previous !== undefined && !isDeleting(previous);
      return [
        ...(!isGone && concernsCollector(object) && !isHeld(object) ? keysOf([object]) : []),
        ...(isGone || begins ? keysOf(dependentsOf(object.metadata.uid)) : []),
        ...(isGone || previous ? waitingOwners(previous ?? object) : []),
      ];
    }

    const followed = scope.use(
      await followCaches({
        caches: context.caches,
        registry,
        accepts: (kind) => !IGNORED.has(storageIdOf(kind)),
        opened(kind, cache) {
          cache.addIndex(OWNER_INDEX, ({ metadata }) =>
            (metadata.ownerReferences ?? []).map(({ uid }) => uid),
          );
          caches.set(storageIdOf(kind), cache);
          // Some objects of a kind that came late may be there already.
          for (const key of keysOf(cache.list().filter(concernsCollector))) scope.enqueue(key);
          return scope.on(cache, concerned);
        },
      }),
    );

    async function readOwner(object: KubeObject, owner: OwnerReference): Promise<OwnerState> {
      const at = locate(registry, object, owner);
      if (!at) return { state: 'unresolvable' };
      // The news that a known owner goes reconcile its dependents again.
      const known = knownOwner(object, owner);
      if (known?.metadata.uid === owner.uid && known) return { state: 'live', object: known };
      const found = await store.get(at.resource, at.key);
      return found ? { state: 'live', object: found } : { state: 'absent' };
    }

    return {
      concurrency: 20,
      pausesForRebuild: true,
      *keys() {
        for (const cache of caches.values()) yield* keysOf(cache.list().filter(concernsCollector));
      },
      async observe(key, signal) {
        const [resource, name] = splitLoopKey(key);
        const object = caches.get(resource)?.get(name);
        if (!object || !concernsCollector(object)) return undefined;
        if (isDeleting(object)) {
          await followed.ready();
          await Promise.all([...caches.values()].map(async (cache) => cache.refresh(signal)));
        }
        const references = object.metadata.ownerReferences ?? [];
        const owners = await Promise.all(references.map((owner) => readOwner(object, owner)));
        return { object, owners, dependents: dependentsOf(object.metadata.uid) };
      },
      plan(view) {
        const { writes, visit } = planCollection(view);
        return { writes, checks: ownerChecks(registry, view), visit: keysOf(visit) };
      },
    };
  },
};

/** Owners that are gone, or are others of their name by now, must be so still (INVARIANTS 12). */
function ownerChecks(registry: Registry, { object, owners }: CollectionInput): readonly Check[] {
  if (isDeleting(object)) return [];
  return (object.metadata.ownerReferences ?? []).flatMap(({ apiVersion, kind, name, uid }, index) => {
    const owner = owners[index];
    if (owner?.state === 'live') return owner.object.metadata.uid === uid ? [] : [unchanged(owner.object)];
    if (owner?.state !== 'absent') return [];
    const { namespace } = registry.byKind(apiVersion, kind)?.namespaced ? object.metadata : {};
    return [absent({ apiVersion, kind, metadata: { name, ...(namespace ? { namespace } : {}) } })];
  });
}

/** Where an owner is stored; undefined where nobody can say. */
function locate(
  registry: Registry,
  { metadata }: KubeObject,
  owner: OwnerReference,
): { readonly resource: ResourceId; readonly key: string } | undefined {
  const kind = registry.byKind(owner.apiVersion, owner.kind);
  if (!kind || (kind.namespaced && !metadata.namespace)) return undefined;
  const namespace = kind.namespaced ? metadata.namespace : undefined;
  return { resource: storageIdOf(kind), key: objectKey(namespace, owner.name) };
}

function loopKeyOf(registry: Registry, object: KubeObject): string | undefined {
  const kind = registry.byKind(object.apiVersion, object.kind);
  return kind && `${storageIdOf(kind)} ${keyOf(object)}`;
}

function splitLoopKey(key: string): readonly [ResourceId, string] {
  const space = key.indexOf(' ');
  return [key.slice(0, space), key.slice(space + 1)];
}
