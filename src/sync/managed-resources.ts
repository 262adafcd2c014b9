/**
 * The live side of every application: caches of all kinds that Git may hold, indexed by managing application and by
 * owner, and the events that concern an application.
 */
import { jsonEqual } from '../base/json.ts';
import type { InventoryItem } from '../diff/change-set.ts';
import { idOf } from '../diff/desired-set.ts';
import { managingApplication } from '../diff/tracking.ts';
import { without } from '../diff/without.ts';
import { type Surroundings, createWarningIndex } from '../health/index.ts';
import { conditionOf, textAt } from '../health/fields.ts';
import { type KubeObject, controllerOf, keyOf, objectKey, parseApiVersion } from '../schemas/object.ts';
import {
  type Registry,
  type ResourceId,
  type ResourceKind,
  resourceIdOf,
  storageIdOf,
} from '../schemas/resource-kind.ts';
import type { CacheEvent, CacheSet, ResourceCache } from '../store/cache.ts';
import { followCaches } from '../store/follow-caches.ts';

export interface ManagedEvent {
  readonly application: string;
  readonly id: string;
  /** What the user owns changed (or the object appeared or went), not only its status. */
  readonly specChanged: boolean;
  /** Only an event said something, which explains what is unhealthy and changes nothing else. */
  readonly onlyExplains?: true;
}

/** The live side; as the surroundings of an object it explains why that is not healthy. */
export interface ManagedResources extends Disposable, Surroundings {
  live(resource: ResourceId, key: string): KubeObject | undefined;
  /** Everything that carries the application's mark. */
  inventory(application: string): readonly InventoryItem[];
  /** One object by its id; undefined when there is none. */
  find(id: string): InventoryItem | undefined;
  namespaceExists(name: string): boolean;
  /** Resolves once the caches have seen these objects. */
  caughtUp(written: readonly KubeObject[], signal: AbortSignal): Promise<void>;
}

/** Written all the time and never by Git. */
const NOT_MANAGED = new Set(['events', 'leases.coordination.k8s.io']);
const BY_APPLICATION = 'managing-application';
const BY_OWNER = 'controller-uid';
const BY_NODE = 'node-name';
const REVISION = 'deployment.kubernetes.io/revision';
const versionOf = ({ metadata }: KubeObject): number => Number(metadata.resourceVersion ?? 0);
/** An int64. */
function revisionOf({ metadata }: KubeObject): bigint {
  const text = metadata.annotations?.[REVISION] ?? '';
  return /^\d+$/.test(text) ? BigInt(text) : 0n;
}

export async function openManagedResources(
  caches: CacheSet,
  registry: Registry,
  onEvent: (event: ManagedEvent) => void,
): Promise<ManagedResources> {
  const opened = new Map<ResourceId, { readonly kind: ResourceKind; readonly cache: ResourceCache }>();
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
    if (resource === 'pods')
      cache.addIndex(BY_NODE, ({ spec }) => [textAt(spec, 'nodeName')].filter((name) => name !== ''));
    opened.set(resource, { kind, cache });
    // The first look at what came with its kind; at the start nobody listens yet.
    for (const object of cache.list()) {
      const application = managingApplication(object);
      if (application !== undefined)
        onEvent({ application, id: idOf(kind, keyOf(object)), specChanged: true });
    }
    return cache.subscribe((event) => report(kind, event));
  }
  const followed = await followCaches({
    caches,
    registry,
    accepts: (kind) => !NOT_MANAGED.has(storageIdOf(kind)),
    opened: watch,
  });

  const warnings = createWarningIndex();
  const events = await caches.open('events');
  const byAge = [...events.list()].sort((a, b) => versionOf(a) - versionOf(b));
  for (const event of byAge) warnings.observe(event, 'ADDED');
  const followedEvents = events.subscribe(({ type, object }) => {
    const involved = warnings.observe(object, type);
    const kind = involved && registry.byKind(textAt(involved, 'apiVersion'), textAt(involved, 'kind'));
    if (!kind) return;
    const key = objectKey(kind.namespaced ? object.metadata.namespace : undefined, textAt(involved, 'name'));
    const about = opened.get(resourceIdOf(kind))?.cache.get(key);
    if (!about || about.metadata.uid !== involved['uid']) return;
    const application = managingApplication(about);
    if (application !== undefined)
      onEvent({ application, id: idOf(kind, key), specChanged: false, onlyExplains: true });
    reportOwner(kind, about, { onlyExplains: true });
  });

  /** What becomes of a node explains, and changes, what its pods are. */
  function reportNode({ object, previous }: CacheEvent): void {
    const ready = (node: KubeObject | undefined): string =>
      textAt(conditionOf(node?.status, 'Ready'), 'status');
    if (previous && ready(object) === ready(previous)) return;
    const pods = opened.get('pods');
    if (!pods) return;
    for (const pod of pods.cache.byIndex(BY_NODE, object.metadata.name))
      report(pods.kind, { type: 'MODIFIED', key: keyOf(pod), object: pod, previous: pod, version: '' });
  }

  function report(kind: ResourceKind, event: CacheEvent): void {
    const { object, previous } = event;
    if (kind.plural === 'nodes') reportNode(event);
    const applications = new Set([managingApplication(object), previous && managingApplication(previous)]);
    for (const application of applications) {
      if (application === undefined) continue;
      onEvent({ application, id: idOf(kind, event.key), specChanged: specChanged(event) });
    }
    reportOwner(kind, object, {});
  }

  function reportOwner(
    kind: ResourceKind,
    object: KubeObject,
    extra: Pick<ManagedEvent, 'onlyExplains'>,
  ): void {
    const owner = kind.plural === 'pods' || kind.plural === 'replicasets' ? rootOwner(object) : undefined;
    const application = owner && managingApplication(owner.object);
    if (owner && application !== undefined)
      onEvent({ application, id: owner.id, specChanged: false, ...extra });
  }

  /** The topmost owner: a pod's ReplicaSet's Deployment. */
  function rootOwner(object: KubeObject): { readonly id: string; readonly object: KubeObject } | undefined {
    let current = object;
    let found: { id: string; object: KubeObject } | undefined;
    // Owners are at most a few deep; the bound ends a cycle.
    for (let depth = 0; depth < 5; depth += 1) {
      const owner = controllerOf(current);
      const kind = owner && registry.byKind(owner.apiVersion, owner.kind);
      if (!owner || !kind) break;
      const key = objectKey(kind.namespaced ? current.metadata.namespace : undefined, owner.name);
      const parent = opened.get(resourceIdOf(kind))?.cache.get(key);
      if (parent?.metadata.uid !== owner.uid || !parent) break;
      current = parent;
      found = { id: idOf(kind, key), object: parent };
    }
    return found;
  }

  const owned = (resource: ResourceId, owner: KubeObject): readonly KubeObject[] =>
    opened.get(resource)?.cache.byIndex(BY_OWNER, owner.metadata.uid ?? '') ?? [];
  const creatorOf = (workload: KubeObject): KubeObject | undefined =>
    workload.kind === 'Deployment'
      ? [...owned('replicasets.apps', workload)].sort((a, b) => (revisionOf(a) < revisionOf(b) ? 1 : -1))[0]
      : workload;

  return {
    live: (resource, key) => opened.get(resource)?.cache.get(key),
    inventory: (application) =>
      [...opened].flatMap(([resource, { kind, cache }]) =>
        cache
          .byIndex(BY_APPLICATION, application)
          .map((object) => ({ kind: registry.byId(resource) ?? kind, object })),
      ),
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
    warningsAbout: warnings.about,
    namespaceExists: (name) => opened.get('namespaces')?.cache.get(name) !== undefined,
    async caughtUp(written, signal) {
      const newest = new Map<ResourceId, string>();
      for (const object of written) {
        const { group } = parseApiVersion(object.apiVersion);
        const kind = registry.byKind(object.apiVersion, object.kind);
        const version = object.metadata.resourceVersion;
        if (!kind || version === undefined) continue;
        const resource = resourceIdOf({ group, plural: kind.plural });
        const known = newest.get(resource);
        if (known === undefined || BigInt(version) > BigInt(known)) newest.set(resource, version);
      }
      await Promise.all(
        [...newest].map(async ([resource, version]) => opened.get(resource)?.cache.waitFor(version, signal)),
      );
    },
    [Symbol.dispose]() {
      followedEvents[Symbol.dispose]();
      followed[Symbol.dispose]();
    },
  };
}

function specChanged({ type, object, previous }: CacheEvent): boolean {
  if (type !== 'MODIFIED' || !previous) return true;
  const { metadata } = object;
  const { metadata: metadataBefore } = previous;
  return (
    !jsonEqual(without(object, 'status', 'metadata'), without(previous, 'status', 'metadata')) ||
    !jsonEqual(metadata.labels, metadataBefore.labels) ||
    !jsonEqual(metadata.annotations, metadataBefore.annotations) ||
    metadata.deletionTimestamp !== metadataBefore.deletionTimestamp
  );
}
