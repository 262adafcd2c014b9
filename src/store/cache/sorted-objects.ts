/**
 * The objects of a cache by key, in code units, as etcd's. Changes are gathered and go into one
 * copy when the next list comes, as one write must not sort ten thousand objects. Arrays that were
 * handed out stay as they are.
 */
import { type KubeObject, keyOf } from '../../schemas/object.ts';

export interface SortedObjects<T extends KubeObject> {
  /** Call it for each change of the objects, before or after it. */
  changed(key: string): void;
  all(): readonly T[];
  inNamespace(namespace: string): readonly T[];
}

/** Beyond this share of changes, sorting all objects is cheaper. */
const SORT_SHARE = 1 / 8;

interface Keyed<T> {
  readonly key: string;
  readonly object: T;
}

const byKey = (a: Keyed<unknown>, b: Keyed<unknown>): number => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0);
const keyed = <T extends KubeObject>(objects: readonly T[]): Keyed<T>[] =>
  objects.map((object) => ({ key: keyOf(object), object })).sort(byKey);

export function sortByKey<T extends KubeObject>(objects: readonly T[]): readonly T[] {
  return keyed(objects).map(({ object }) => object);
}

interface State<T> {
  readonly keys: readonly string[];
  readonly objects: readonly T[];
}

export function createSortedObjects<T extends KubeObject>(source: ReadonlyMap<string, T>): SortedObjects<T> {
  /** Absent until somebody lists, and once so much has changed that sorting anew is cheaper. */
  let state: State<T> | undefined;
  let changes = new Set<string>();

  function current(): State<T> {
    if (state && changes.size === 0) return state;
    state = state ? withChanges(state, changes, source) : sortedState([...source.values()]);
    changes = new Set();
    return state;
  }

  return {
    changed(key) {
      if (!state) return;
      changes.add(key);
      if (changes.size <= state.keys.length * SORT_SHARE) return;
      state = undefined;
      changes = new Set();
    },
    all: () => current().objects,
    inNamespace(namespace) {
      const { keys, objects } = current();
      // `/` is followed by `0`: everything that begins with `namespace/` lies between the two.
      return objects.slice(firstFrom(keys, `${namespace}/`), firstFrom(keys, `${namespace}0`));
    },
  };
}

function sortedState<T extends KubeObject>(objects: readonly T[]): State<T> {
  const list = keyed(objects);
  return { keys: list.map(({ key }) => key), objects: list.map(({ object }) => object) };
}

/** One pass over both, in order. */
function withChanges<T>(
  { keys, objects }: State<T>,
  changes: ReadonlySet<string>,
  source: ReadonlyMap<string, T>,
): State<T> {
  const nextKeys: string[] = [];
  const nextObjects: T[] = [];
  let from = 0;
  for (const key of [...changes].sort((a, b) => (a < b ? -1 : 1))) {
    const at = firstFrom(keys, key);
    for (let index = from; index < at; index += 1) {
      nextKeys.push(keys[index] as string);
      nextObjects.push(objects[index] as T);
    }
    from = keys[at] === key ? at + 1 : at;
    const object = source.get(key);
    if (!object) continue;
    nextKeys.push(key);
    nextObjects.push(object);
  }
  for (let index = from; index < keys.length; index += 1) {
    nextKeys.push(keys[index] as string);
    nextObjects.push(objects[index] as T);
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
