/**
 * The objects of a cache in the order of their keys, kept in order as they change: a list must not sort ten thousand
 * objects because one of them was written. What was handed out stays as it is (pages and watches begin with it), so that
 * changes are gathered and go into one copy when the next list comes.
 */
import type { KubeObject } from '../../schemas/object.ts';
import type { CacheEvent, ResourceCache } from '../../store/cache/cache.ts';

export interface SortedObjects {
  /** Told of each change of the cache, when it has been made. */
  changed(event: CacheEvent): void;
  all(): readonly KubeObject[];
  inNamespace(namespace: string): readonly KubeObject[];
}

/** Beyond this share of changed objects, sorting all of them is cheaper than putting each in its place. */
const SORT_SHARE = 1 / 8;

/** The order of lists: that of the keys' code units, as etcd has it. */
export function sortKey(object: KubeObject): string {
  const { namespace, name } = object.metadata;
  return namespace === undefined ? name : `${namespace}/${name}`;
}

interface Keyed {
  readonly key: string;
  readonly object: KubeObject;
}

const byKey = (a: Keyed, b: Keyed): number => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0);
const keyed = (objects: readonly KubeObject[]): Keyed[] =>
  objects.map((object) => ({ key: sortKey(object), object })).sort(byKey);

export function sortByKey(objects: readonly KubeObject[]): readonly KubeObject[] {
  return keyed(objects).map(({ object }) => object);
}

interface State {
  readonly keys: readonly string[];
  readonly objects: readonly KubeObject[];
}

export function createSortedObjects(cache: Pick<ResourceCache, 'get' | 'list'>): SortedObjects {
  let state: State | undefined;
  let changes = new Set<string>();

  function current(): State {
    if (state && changes.size === 0) return state;
    state =
      state && changes.size <= state.keys.length * SORT_SHARE
        ? withChanges(state, changes, (key) => cache.get(key))
        : sortedState(cache.list());
    changes = new Set();
    return state;
  }

  return {
    changed({ key }) {
      if (state) changes.add(key);
    },
    all: () => current().objects,
    inNamespace(namespace) {
      const { keys, objects } = current();
      // `/` is followed by `0`: everything that begins with `namespace/` lies between the two.
      return objects.slice(firstFrom(keys, `${namespace}/`), firstFrom(keys, `${namespace}0`));
    },
  };
}

function sortedState(objects: readonly KubeObject[]): State {
  const list = keyed(objects);
  return { keys: list.map(({ key }) => key), objects: list.map(({ object }) => object) };
}

/** One pass over both, in order. */
function withChanges(
  { keys, objects }: State,
  changes: ReadonlySet<string>,
  find: (key: string) => KubeObject | undefined,
): State {
  const nextKeys: string[] = [];
  const nextObjects: KubeObject[] = [];
  let from = 0;
  for (const key of [...changes].sort((a, b) => (a < b ? -1 : 1))) {
    const at = firstFrom(keys, key);
    for (let index = from; index < at; index += 1) {
      nextKeys.push(keys[index] as string);
      nextObjects.push(objects[index] as KubeObject);
    }
    from = keys[at] === key ? at + 1 : at;
    const object = find(key);
    if (!object) continue;
    nextKeys.push(key);
    nextObjects.push(object);
  }
  for (let index = from; index < keys.length; index += 1) {
    nextKeys.push(keys[index] as string);
    nextObjects.push(objects[index] as KubeObject);
  }
  return { keys: nextKeys, objects: nextObjects };
}

/** Index of the first key that is not before `key`. */
function firstFrom(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((keys[middle] as string) < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
