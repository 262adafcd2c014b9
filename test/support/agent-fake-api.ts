/**
 * The API as an agent sees it, in memory: objects, watches, conflicts, a condition of the data, and
 * a switch to be away.
 */
import { type AsyncQueue, createAsyncQueue } from '../../src/base/async-queue.ts';
import { TransientError } from '../../src/base/errors.ts';
import { jsonClone } from '../../src/base/json.ts';
import {
  type ApiClient,
  type ClientWatchEvent,
  type ClusterCondition,
  type ListOptions,
  type ResourcePath,
  resources,
} from '../../src/client/types.ts';
import { type KubeObject, keyOf, objectKey } from '../../src/schemas/object.ts';
import { withForeignConditions } from '../../src/schemas/pods/agent-conditions.ts';
import type { Pod } from '../../src/schemas/types.ts';
import { alreadyExists, conflict, notFound } from '../../src/schemas/errors/status.ts';

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
  const objects = new Map<string, Map<string, KubeObject>>();
  const watchers = new Set<{
    plural: string;
    options: ListOptions;
    queue: AsyncQueue<ClientWatchEvent<KubeObject>>;
  }>();
  let version = 100;
  let away = false;
  const restored: (readonly KubeObject[])[] = [];
  const writes: string[] = [];

  const table = (plural: string): Map<string, KubeObject> => {
    const found = objects.get(plural) ?? new Map<string, KubeObject>();
    objects.set(plural, found);
    return found;
  };
  const check = (): void => {
    if (away) throw new TransientError('the API is away');
  };
  const matches = (object: KubeObject, options: ListOptions): boolean =>
    matchesLabels(object, options.labelSelector ?? '') &&
    (options.fieldSelector ?? '')
      .split(',')
      .filter((part) => part !== '')
      .every((part) => {
        const [path = '', value] = part.split('=');
        let at: unknown = object;
        for (const step of path.split('.')) at = (at as Record<string, unknown> | undefined)?.[step];
        return at === value;
      });
  function emit(plural: string, type: 'ADDED' | 'MODIFIED' | 'DELETED', object: KubeObject): void {
    for (const watcher of watchers) {
      if (watcher.plural === plural && matches(object, watcher.options)) {
        watcher.queue.push({ type, object: jsonClone(object) });
      }
    }
  }
  function put(plural: string, object: KubeObject): KubeObject {
    version += 1;
    const key = keyOf(object);
    const exists = table(plural).has(key);
    const uid = object.metadata.uid ?? `uid-${version}`;
    const stored = {
      ...jsonClone(object),
      metadata: { ...object.metadata, uid, resourceVersion: String(version) },
    };
    table(plural).set(key, stored);
    emit(plural, exists ? 'MODIFIED' : 'ADDED', stored);
    return jsonClone(stored);
  }
  function remove(plural: string, key: string): void {
    const object = table(plural).get(key);
    if (!object) return;
    version += 1;
    table(plural).delete(key);
    emit(plural, 'DELETED', {
      ...object,
      metadata: { ...object.metadata, resourceVersion: String(version) },
    });
  }
  const need = (resource: ResourcePath, key: string): KubeObject => {
    const found = table(resource.plural).get(key);
    if (!found) throw notFound(resource, key);
    return found;
  };

  const api = {
    cluster: { epoch: 'e1', phase: 'normal' } as ClusterCondition,
    restored,
    writes,
    setAway(next: boolean) {
      away = next;
      if (away) for (const watcher of watchers) watcher.queue.close(new TransientError('the API is away'));
    },
    put: (plural: string, object: KubeObject) => void put(plural, object),
    remove,
    wipe: () => objects.clear(),
    get: (plural: string, key: string) => table(plural).get(key) as never,
    list: (plural: string) => [...table(plural).values()] as never,
  };
  const client: ApiClient = {
    async get(resource, namespace, name) {
      check();
      return jsonClone(need(resource, objectKey(namespace, name))) as never;
    },
    async list(resource, options = {}) {
      check();
      const items = [...table(resource.plural).values()].filter((object) => matches(object, options));
      return { items: jsonClone(items) as never, resourceVersion: String(version) };
    },
    async *watch(resource, options) {
      check();
      const queue = createAsyncQueue<ClientWatchEvent<KubeObject>>();
      const watcher = { plural: resource.plural, options, queue };
      // Changes between the list and this call.
      for (const object of table(resource.plural).values()) {
        if (
          Number(object.metadata.resourceVersion) > Number(options.resourceVersion) &&
          matches(object, options)
        ) {
          queue.push({ type: 'MODIFIED', object: jsonClone(object) });
        }
      }
      watchers.add(watcher);
      options.signal.addEventListener('abort', () => queue.close(), { once: true });
      if (options.signal.aborted) queue.close();
      try {
        yield* queue as AsyncIterable<never>;
      } finally {
        watchers.delete(watcher);
      }
    },
    async create(resource, object) {
      check();
      const key = keyOf(object);
      if (table(resource.plural).has(key)) throw alreadyExists(resource, key);
      writes.push(`create ${resource.plural} ${key}`);
      return put(resource.plural, object) as never;
    },
    async update(resource, object, subresource) {
      check();
      const key = keyOf(object);
      const current = need(resource, key);
      if (
        object.metadata.resourceVersion !== undefined &&
        object.metadata.resourceVersion !== current.metadata.resourceVersion
      ) {
        throw conflict(resource, key);
      }
      writes.push(`update ${resource.plural}${subresource ? `/${subresource}` : ''} ${key}`);
      return put(resource.plural, subresource ? { ...current, status: object['status'] } : object) as never;
    },
    async patch(resource, namespace, name, patch) {
      check();
      const current = need(resource, objectKey(namespace, name));
      writes.push(`patch ${resource.plural} ${keyOf(current)}`);
      const body = patch as { metadata?: Partial<KubeObject['metadata']> };
      const labels = { ...current.metadata.labels, ...body.metadata?.labels };
      const metadata = { ...current.metadata, ...body.metadata, labels };
      const isOver = metadata.deletionTimestamp !== undefined && (metadata.finalizers ?? []).length === 0;
      if (isOver) {
        remove(resource.plural, keyOf(current));
        return current as never;
      }
      return put(resource.plural, { ...current, ...body, metadata }) as never;
    },
    async delete(resource, namespace, name, options) {
      check();
      const key = objectKey(namespace, name);
      const current = need(resource, key);
      const uid = options?.preconditions?.uid;
      if (uid !== undefined && uid !== current.metadata.uid) throw conflict(resource, key);
      writes.push(`delete ${resource.plural} ${key}`);
      remove(resource.plural, key);
    },
    async report(_node, reported) {
      check();
      return reported.map((object) => {
        const plural = object.kind === 'Pod' ? 'pods' : 'events';
        const key = keyOf(object);
        const current = table(plural).get(key);
        if (plural === 'events') {
          if (current) return alreadyExists(resources.events, key);
          writes.push(`create events ${key}`);
          put(plural, object);
          return undefined;
        }
        if (!current || current.metadata.uid !== object.metadata.uid) return notFound(resources.pods, key);
        writes.push(`update pods/status ${key}`);
        put(plural, {
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
      restored.push(pods);
      for (const object of pods) {
        const plural = object.kind === 'PersistentVolume' ? 'persistentvolumes' : 'pods';
        if (!table(plural).has(keyOf(object))) put(plural, object);
      }
      return [];
    },
  };
  return {
    ...api,
    client,
    get cluster() {
      return api.cluster;
    },
    set cluster(next) {
      api.cluster = next;
    },
  };
}

/** Equality terms only. */
const matchesLabels = ({ metadata }: KubeObject, selector: string): boolean =>
  selector
    .split(',')
    .filter((term) => term !== '')
    .every((term) => {
      const [name = '', value] = term.split('=');
      return metadata.labels?.[name] === value;
    });
