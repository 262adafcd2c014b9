/** Objects in memory with versions and watches, as {@link createAgentFakeApi} serves them. */
import { type AsyncQueue, createAsyncQueue } from '../../src/base/async-queue.ts';
import { jsonClone } from '../../src/base/json.ts';
import type { ClientWatchEvent, ListOptions } from '../../src/client/types.ts';
import { type KubeObject, keyOf } from '../../src/schemas/object.ts';

type Selection = Pick<ListOptions, 'fieldSelector' | 'labelSelector'>;

export interface WatchOptions extends Selection {
  readonly resourceVersion: string;
  readonly signal: AbortSignal;
}

export interface FakeObjects {
  /** The version of the last change. */
  version(): string;
  get(plural: string, key: string): KubeObject | undefined;
  list(plural: string, selection?: Selection): readonly KubeObject[];
  /** Answers a copy of the object as it is stored. */
  put(plural: string, object: KubeObject): KubeObject;
  remove(plural: string, key: string): void;
  /** Loses every object, without telling any watcher. */
  wipe(): void;
  watch(plural: string, options: WatchOptions): AsyncIterable<ClientWatchEvent<KubeObject>>;
  breakWatches(error: Error): void;
}

interface Watcher {
  readonly plural: string;
  readonly selection: Selection;
  readonly queue: AsyncQueue<ClientWatchEvent<KubeObject>>;
}

export function createFakeObjects(): FakeObjects {
  const objects = new Map<string, Map<string, KubeObject>>();
  const watchers = new Set<Watcher>();
  let version = 100;

  const table = (plural: string): Map<string, KubeObject> => {
    const found = objects.get(plural) ?? new Map<string, KubeObject>();
    objects.set(plural, found);
    return found;
  };
  function emit(plural: string, type: 'ADDED' | 'MODIFIED' | 'DELETED', object: KubeObject): void {
    for (const { plural: watched, selection, queue } of watchers)
      if (watched === plural && matches(object, selection)) queue.push({ type, object: jsonClone(object) });
  }
  const versioned = (object: KubeObject): KubeObject => {
    version += 1;
    const { uid = `uid-${version}` } = object.metadata;
    return { ...object, metadata: { ...object.metadata, uid, resourceVersion: String(version) } };
  };

  return {
    version: () => String(version),
    get: (plural, key) => table(plural).get(key),
    list: (plural, selection = {}) =>
      [...table(plural).values()].filter((object) => matches(object, selection)),
    put(plural, object) {
      const key = keyOf(object);
      const exists = table(plural).has(key);
      const stored = versioned(jsonClone(object));
      table(plural).set(key, stored);
      emit(plural, exists ? 'MODIFIED' : 'ADDED', stored);
      return jsonClone(stored);
    },
    remove(plural, key) {
      const object = table(plural).get(key);
      if (!object) return;
      table(plural).delete(key);
      emit(plural, 'DELETED', versioned(object));
    },
    wipe: () => objects.clear(),
    async *watch(plural, { resourceVersion, signal, ...selection }) {
      const queue = createAsyncQueue<ClientWatchEvent<KubeObject>>();
      const watcher = { plural, selection, queue };
      // Changes between the list and this call.
      for (const object of table(plural).values())
        if (Number(object.metadata.resourceVersion) > Number(resourceVersion) && matches(object, selection))
          queue.push({ type: 'MODIFIED', object: jsonClone(object) });
      watchers.add(watcher);
      signal.addEventListener('abort', () => queue.close(), { once: true });
      if (signal.aborted) queue.close();
      try {
        yield* queue;
      } finally {
        watchers.delete(watcher);
      }
    },
    breakWatches(error) {
      for (const { queue } of watchers) queue.close(error);
    },
  };
}

/** Equality terms only, in both selectors. */
const matches = (object: KubeObject, { fieldSelector = '', labelSelector = '' }: Selection): boolean =>
  termsOf(labelSelector).every(([name, value]) => object.metadata.labels?.[name] === value) &&
  termsOf(fieldSelector).every(([path, value]) => valueAt(object, path) === value);

const termsOf = (selector: string): readonly (readonly [string, string | undefined])[] =>
  selector
    .split(',')
    .filter((term) => term !== '')
    .map((term) => {
      const [name = '', value] = term.split('=');
      return [name, value];
    });

function valueAt(object: KubeObject, path: string): unknown {
  let at: unknown = object;
  for (const step of path.split('.')) at = (at as Record<string, unknown> | undefined)?.[step];
  return at;
}
