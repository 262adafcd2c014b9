/**
 * The API as an agent sees it, in memory: objects, watches, conflicts, a condition of the data, and
 * a switch to be away.
 */
import { TransientError } from '../../src/base/errors.ts';
import { jsonClone } from '../../src/base/json.ts';
import {
  type ApiClient,
  type ClusterCondition,
  type ResourcePath,
  resources,
} from '../../src/client/types.ts';
import { type KubeObject, keyOf, objectKey } from '../../src/schemas/object.ts';
import { withForeignConditions } from '../../src/schemas/pods/agent-conditions.ts';
import type { Pod } from '../../src/schemas/types.ts';
import { alreadyExists, conflict, notFound } from '../../src/schemas/errors/status.ts';
import { createFakeObjects, type FakeObjects } from './fake-objects.ts';

export interface AgentFakeApi {
  readonly client: ApiClient;
  /** The condition that `clusterState` answers. */
  cluster: ClusterCondition;
  /** While true, every call fails and every watch breaks. */
  setAway(away: boolean): void;
  put(plural: string, object: KubeObject): void;
  remove(plural: string, key: string): void;
  /** Loses every object, without telling any watcher. */
  wipe(): void;
  get<T extends KubeObject>(plural: string, key: string): T | undefined;
  list<T extends KubeObject>(plural: string): readonly T[];
  readonly restored: (readonly KubeObject[])[];
  /** Verbs that changed something, such as `update pods/status default/web`. */
  readonly writes: string[];
}

export function createAgentFakeApi(): AgentFakeApi {
  const objects = createFakeObjects();
  let isAway = false;
  const api: Omit<AgentFakeApi, 'client'> = {
    cluster: { epoch: 'e1', phase: 'normal' },
    restored: [],
    writes: [],
    setAway(away) {
      isAway = away;
      if (away) objects.breakWatches(absence());
    },
    put: (plural, object) => void objects.put(plural, object),
    remove: objects.remove,
    wipe: objects.wipe,
    get: (plural, key) => objects.get(plural, key) as never,
    list: (plural) => objects.list(plural) as never,
  };
  return Object.assign(api, { client: createClient(objects, api, () => isAway) });
}

const absence = (): TransientError => new TransientError('the API is away');

function createClient(
  objects: FakeObjects,
  api: Omit<AgentFakeApi, 'client'>,
  isAway: () => boolean,
): ApiClient {
  const { writes } = api;
  const check = (): void => {
    if (isAway()) throw absence();
  };
  const need = (resource: ResourcePath, key: string): KubeObject => {
    check();
    const found = objects.get(resource.plural, key);
    if (!found) throw notFound(resource, key);
    return found;
  };

  return {
    get: async (resource, namespace, name) => jsonClone(need(resource, objectKey(namespace, name))) as never,
    async list({ plural }, options = {}) {
      check();
      return {
        items: jsonClone(objects.list(plural, options)) as never,
        resourceVersion: objects.version(),
      };
    },
    async *watch({ plural }, options) {
      check();
      yield* objects.watch(plural, options) as AsyncIterable<never>;
    },
    async create(resource, object) {
      check();
      const key = keyOf(object);
      if (objects.get(resource.plural, key)) throw alreadyExists(resource, key);
      writes.push(`create ${resource.plural} ${key}`);
      return objects.put(resource.plural, object) as never;
    },
    async update(resource, object, subresource) {
      const key = keyOf(object);
      const current = need(resource, key);
      const { resourceVersion = current.metadata.resourceVersion } = object.metadata;
      if (resourceVersion !== current.metadata.resourceVersion) throw conflict(resource, key);
      writes.push(`update ${resource.plural}${subresource ? `/${subresource}` : ''} ${key}`);
      const next = subresource ? { ...current, status: object['status'] } : object;
      return objects.put(resource.plural, next) as never;
    },
    async patch(resource, namespace, name, patch) {
      const current = need(resource, objectKey(namespace, name));
      writes.push(`patch ${resource.plural} ${keyOf(current)}`);
      const body = patch as { metadata?: Partial<KubeObject['metadata']> };
      const labels = { ...current.metadata.labels, ...body.metadata?.labels };
      const metadata = { ...current.metadata, ...body.metadata, labels };
      const isOver = metadata.deletionTimestamp !== undefined && (metadata.finalizers ?? []).length === 0;
      if (!isOver) return objects.put(resource.plural, { ...current, ...body, metadata }) as never;
      objects.remove(resource.plural, keyOf(current));
      return current as never;
    },
    async delete(resource, namespace, name, options) {
      const key = objectKey(namespace, name);
      const current = need(resource, key);
      const uid = options?.preconditions?.uid;
      if (uid !== undefined && uid !== current.metadata.uid) throw conflict(resource, key);
      writes.push(`delete ${resource.plural} ${key}`);
      objects.remove(resource.plural, key);
    },
    async report(_node, reported) {
      check();
      return reported.map((object) => {
        const plural = object.kind === 'Pod' ? 'pods' : 'events';
        const key = keyOf(object);
        const current = objects.get(plural, key);
        if (plural === 'events') {
          if (current) return alreadyExists(resources.events, key);
          writes.push(`create events ${key}`);
          objects.put(plural, object);
          return undefined;
        }
        if (!current || current.metadata.uid !== object.metadata.uid) return notFound(resources.pods, key);
        writes.push(`update pods/status ${key}`);
        objects.put(plural, {
          ...current,
          status: withForeignConditions((object as Pod).status ?? {}, (current as Pod).status),
        });
        return undefined;
      });
    },
    async clusterState() {
      check();
      return api.cluster;
    },
    async restorePods(_node, pods) {
      check();
      api.restored.push(pods);
      for (const object of pods) {
        const plural = object.kind === 'PersistentVolume' ? 'persistentvolumes' : 'pods';
        if (!objects.get(plural, keyOf(object))) objects.put(plural, object);
      }
      return [];
    },
  };
}
