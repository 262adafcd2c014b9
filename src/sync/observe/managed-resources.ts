/** The live side of every application: caches of all kinds, and the events that concern it. */
import { AUTOSCALERS, scaledIds } from '../../diff/autoscaled.ts';
import type { InventoryItem } from '../../diff/change-set.ts';
import { idOf, splitId } from '../../diff/desired-set.ts';
import { managingApplication } from '../../diff/tracking.ts';
import type { Surroundings } from '../../health/index.ts';
import { newestVersions } from '../../resources/writing/newest-versions.ts';
import { indexByNode, indexWaitingByClaim } from '../../store/cache/indexes.ts';
import { type KubeObject, keyOf } from '../../schemas/object.ts';
import {
  type Registry,
  type ResourceId,
  type ResourceKind,
  resourceIdOf,
  storageIdOf,
} from '../../schemas/resource-kind.ts';
import type { CacheSet, ResourceCache } from '../../store/cache/cache.ts';
import { followCaches } from '../../store/cache/follow-caches.ts';
import { followWarnings } from './follow-warnings.ts';
import { type ManagedEvent, type OpenedKind, createReports } from './report-changes.ts';
import { createSurroundings, indexByOwner } from './surroundings.ts';

/** The live side. The surroundings of an object explain why it is not healthy. */
export interface ManagedResources extends Disposable, Surroundings {
  live(resource: ResourceId, key: string): KubeObject | undefined;
  /** Everything that carries the application's mark. */
  inventory(application: string): readonly InventoryItem[];
  /** One object by its id; undefined when there is none. */
  find(id: string): InventoryItem | undefined;
  namespaceExists(name: string): boolean;
  /** Ids of the objects whose number of replicas is an autoscaler's. */
  autoscaled(): ReadonlySet<string>;
  /** Resolves once the caches have seen these objects. */
  caughtUp(written: readonly KubeObject[], signal: AbortSignal): Promise<void>;
}

/** Written all the time and never by Git. */
const NOT_MANAGED = new Set(['events', 'leases.coordination.k8s.io']);
const BY_APPLICATION = 'managing-application';

export async function openManagedResources(
  caches: CacheSet,
  registry: Registry,
  onEvent: (event: ManagedEvent) => void,
): Promise<ManagedResources> {
  const opened = new Map<ResourceId, OpenedKind>();
  const reports = createReports(opened, registry, onEvent);
  function watch(kind: ResourceKind, cache: ResourceCache): Disposable {
    const resource = storageIdOf(kind);
    cache.addIndex(BY_APPLICATION, (object) => {
      const application = managingApplication(object);
      return application === undefined ? [] : [application];
    });
    indexByOwner(cache);
    if (resource === 'pods') {
      indexByNode(cache);
      indexWaitingByClaim(cache);
    }
    opened.set(resource, { kind, cache });
    // A kind that comes later brings objects with it. At the start nothing listens yet.
    for (const object of cache.list()) {
      const application = managingApplication(object);
      if (application !== undefined)
        onEvent({ application, id: idOf(kind, keyOf(object)), specChanged: true });
    }
    return cache.subscribe((event) => reports.changed(kind, event));
  }
  // Opened first: a failure here leaves nothing to give back.
  const events = await caches.open('events');
  const followed = await followCaches({
    caches,
    registry,
    accepts: (kind) => !NOT_MANAGED.has(storageIdOf(kind)),
    opened: watch,
  });

  const live = (resource: ResourceId, key: string): KubeObject | undefined =>
    opened.get(resource)?.cache.get(key);
  const warnings = followWarnings(
    events,
    registry,
    (kind, key) => live(resourceIdOf(kind), key),
    reports.explained,
  );

  return {
    live,
    inventory: (application) =>
      [...opened].flatMap(([resource, { kind, cache }]) =>
        cache
          .byIndex(BY_APPLICATION, application)
          .map((object) => ({ kind: registry.byId(resource) ?? kind, object })),
      ),
    autoscaled: () => scaledIds(opened.get(AUTOSCALERS)?.cache.list() ?? [], registry),
    find(id) {
      const { resource, key } = splitId(id);
      const found = opened.get(resource);
      const object = found?.cache.get(key);
      return found && object && { kind: registry.byId(resource) ?? found.kind, object };
    },
    ...createSurroundings(opened),
    warningsAbout: warnings.warningsAbout,
    namespaceExists: (name) => opened.get('namespaces')?.cache.get(name) !== undefined,
    async caughtUp(written, signal) {
      const newest = newestVersions(registry, written);
      await Promise.all(
        [...newest].map(async ([resource, version]) => opened.get(resource)?.cache.waitFor(version, signal)),
      );
    },
    [Symbol.dispose]() {
      warnings[Symbol.dispose]();
      followed[Symbol.dispose]();
    },
  };
}
