/** The live side of every application: caches of all kinds, and the events that concern it. */
import { AUTOSCALERS, scaledIds } from '../../diff/autoscaled.ts';
import type { InventoryItem } from '../../diff/change-set.ts';
import { idOf } from '../../diff/desired-set.ts';
import { managingApplication } from '../../diff/tracking.ts';
import { textAt } from '../../health/fields.ts';
import { type Surroundings, createWarningIndex } from '../../health/index.ts';
import { indexByNode } from '../../store/cache/indexes.ts';
import { type KubeObject, controllerOf, keyOf, objectKey } from '../../schemas/object.ts';
import {
  type Registry,
  type ResourceId,
  type ResourceKind,
  resourceIdOf,
  storageIdOf,
} from '../../schemas/resource-kind.ts';
import type { CacheSet, ResourceCache } from '../../store/cache/cache.ts';
import { followCaches } from '../../store/cache/follow-caches.ts';
import { type ManagedEvent, type OpenedKind, createReports } from './report-changes.ts';

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
const BY_OWNER = 'controller-uid';
const REVISION = 'deployment.kubernetes.io/revision';
/** An int64. */
function revisionOf({ metadata }: KubeObject): bigint {
  const text = metadata.annotations?.[REVISION] ?? '';
  return /^\d+$/.test(text) ? BigInt(text) : 0n;
}

const createdMs = ({ metadata }: KubeObject): number => Date.parse(metadata.creationTimestamp ?? '') || 0;

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
    cache.addIndex(BY_OWNER, (object) => {
      const owner = controllerOf(object);
      return owner ? [owner.uid] : [];
    });
    if (resource === 'pods') indexByNode(cache);
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
  const warnings = createWarningIndex();
  const versionOf = ({ metadata }: KubeObject): number => Number(metadata.resourceVersion ?? 0);
  for (const event of [...events.list()].sort((a, b) => versionOf(a) - versionOf(b)))
    warnings.observe(event, 'ADDED');
  const warned = events.subscribe(({ type, object }) => {
    const involved = warnings.observe(object, type);
    const kind = involved && registry.byKind(textAt(involved, 'apiVersion'), textAt(involved, 'kind'));
    if (!kind) return;
    const namespace = kind.namespaced ? object.metadata.namespace : undefined;
    const about = live(resourceIdOf(kind), objectKey(namespace, textAt(involved, 'name')));
    if (about && about.metadata.uid === involved['uid']) reports.explained(kind, about);
  });

  const owned = (resource: ResourceId, owner: KubeObject): readonly KubeObject[] =>
    opened.get(resource)?.cache.byIndex(BY_OWNER, owner.metadata.uid ?? '') ?? [];
  const creatorOf = (workload: KubeObject): KubeObject | undefined => {
    switch (workload.kind) {
      case 'Deployment':
        return [...owned('replicasets.apps', workload)].sort((a, b) =>
          revisionOf(a) < revisionOf(b) ? 1 : -1,
        )[0];
      case 'CronJob':
        return [...owned('jobs.batch', workload)].sort((a, b) => createdMs(b) - createdMs(a))[0];
      default:
        return workload;
    }
  };

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
      const split = id.indexOf('|');
      const resource = id.slice(0, split);
      const found = opened.get(resource);
      const object = found?.cache.get(id.slice(split + 1));
      return found && object && { kind: registry.byId(resource) ?? found.kind, object };
    },
    creatorOf,
    podsOf(workload) {
      if (workload.kind === 'Pod') return [workload];
      const creator = creatorOf(workload);
      return creator ? owned('pods', creator) : [];
    },
    nodeOf: (name) => opened.get('nodes')?.cache.get(name),
    warningsAbout: (object) => warnings.about(object),
    namespaceExists: (name) => opened.get('namespaces')?.cache.get(name) !== undefined,
    async caughtUp(written, signal) {
      const newest = new Map<ResourceId, bigint>();
      for (const { apiVersion, kind: name, metadata } of written) {
        const kind = registry.byKind(apiVersion, name);
        if (!kind || metadata.resourceVersion === undefined) continue;
        const [resource, version] = [storageIdOf(kind), BigInt(metadata.resourceVersion)];
        if (version > (newest.get(resource) ?? 0n)) newest.set(resource, version);
      }
      await Promise.all(
        [...newest].map(async ([resource, version]) =>
          opened.get(resource)?.cache.waitFor(String(version), signal),
        ),
      );
    },
    [Symbol.dispose]() {
      warned[Symbol.dispose]();
      followed[Symbol.dispose]();
    },
  };
}
