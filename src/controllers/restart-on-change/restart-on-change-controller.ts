/** Runs {@link planRestart} for the workloads that ask for it. Opt-in by an annotation. */
import type { KubeObject } from '../../schemas/object.ts';
import { keyOf, objectKey } from '../../schemas/object.ts';
import { contentSources } from '../../schemas/pods/pod-references.ts';
import { CONFIG_HASHES } from '../../schemas/pods/restart-on-change.ts';
import { referencesOf } from '../../schemas/render-checks/references.ts';
import type { ResourceId } from '../../schemas/resource-kind.ts';
import type { CacheEvent, ResourceCache } from '../../store/cache/cache.ts';
import type { Controller, Reconciler } from '../controller.ts';
import {
  asksForRestarts,
  type Hashes,
  hashesSeen,
  planRestart,
  RESTART_EVENTS,
  type RestartView,
  type Source,
  type Workload,
} from './plan-restart.ts';

const RESOURCES: readonly ResourceId[] = ['deployments.apps', 'statefulsets.apps', 'daemonsets.apps'];
/** Changes of one commit, and edits in a row, are one rollout. */
export const COALESCE_MS = 3_000;

const SEPARATOR = '|';

export const restartOnChange: Controller = {
  name: 'restart-on-change',
  async open({ caches, registry }, scope): Promise<Reconciler<RestartView>> {
    const contents = {
      ConfigMap: await caches.open('configmaps'),
      Secret: await caches.open('secrets'),
    };
    const workloads = new Map<ResourceId, ResourceCache<Workload>>();
    for (const resource of RESOURCES)
      if (registry.byId(resource)) workloads.set(resource, await caches.open<Workload>(resource));

    /** By uid. */
    const remembered = new Map<string, Hashes>();
    function remember({ type, object }: Pick<CacheEvent<Workload>, 'type' | 'object'>): void {
      const uid = object.metadata.uid ?? '';
      const hashes = hashesSeen(object);
      if (type === 'DELETED' || !asksForRestarts(object)) remembered.delete(uid);
      else if (hashes) remembered.set(uid, hashes);
    }

    const isConcerned = (workload: KubeObject): boolean =>
      asksForRestarts(workload) || workload.metadata.annotations?.[CONFIG_HASHES] !== undefined;
    const keysIn = (namespace?: string): readonly string[] =>
      [...workloads].flatMap(([resource, cache]) =>
        cache
          .list(namespace)
          .filter(isConcerned)
          .map((workload) => resource + SEPARATOR + keyOf(workload)),
      );
    for (const [resource, cache] of workloads) {
      scope.on(cache, (event) => {
        remember(event);
        return isConcerned(event.object) ? [resource + SEPARATOR + event.key] : [];
      });
      for (const object of cache.list()) remember({ type: 'ADDED', object });
    }
    for (const cache of Object.values(contents))
      scope.on(cache, ({ object }) => keysIn(object.metadata.namespace), COALESCE_MS);

    function sourcesOf(workload: Workload): readonly Source[] {
      const { namespace } = workload.metadata;
      const needed = new Set(referencesOf(workload).map(({ kind, name }) => `${kind}/${name}`));
      const { configMaps, secrets } = contentSources(workload.spec.template);
      const source = (kind: Source['kind'], name: string): Source => ({
        kind,
        name,
        isOptional: !needed.has(`${kind}/${name}`),
        object: contents[kind].get(objectKey(namespace, name)),
      });
      return [
        ...[...configMaps].map((name) => source('ConfigMap', name)),
        ...[...secrets].map((name) => source('Secret', name)),
      ];
    }

    return {
      // Contents may be missing until then.
      pausesForRebuild: true,
      events: { component: 'restart-on-change', texts: RESTART_EVENTS },
      keys: () => keysIn(),
      observe(key) {
        const split = key.indexOf(SEPARATOR);
        const workload = workloads.get(key.slice(0, split))?.get(key.slice(split + 1));
        return (
          workload && {
            workload,
            sources: sourcesOf(workload),
            remembered: remembered.get(workload.metadata.uid ?? ''),
          }
        );
      },
      plan: planRestart,
    };
  },
};
