/** The indexed state of one resource in memory. Knows nothing of the store or of events. */
import type { KubeObject } from '../../schemas/object.ts';

interface Index<T> {
  readonly valuesOf: (object: T) => readonly string[];
  readonly entries: Map<string, Map<string, T>>;
}

export interface ResourceView<T extends KubeObject> {
  readonly objects: ReadonlyMap<string, T>;
  /** Sets or (with undefined) removes an object; returns the one that was there. */
  put(key: string, object: T | undefined): T | undefined;
  inNamespace(namespace: string): readonly T[];
  byIndex(index: string, value: string): readonly T[];
  addIndex(index: string, valuesOf: (object: T) => readonly string[]): void;
  /** Throws when the index was never added. */
  valuesOf(index: string): (object: T) => readonly string[];
}

const NAMESPACE = 'namespace of the object';

export function createResourceView<T extends KubeObject>(): ResourceView<T> {
  const objects = new Map<string, T>();
  const indexes = new Map<string, Index<T>>();

  function indexNamed(name: string): Index<T> {
    const found = indexes.get(name);
    if (!found) throw new Error(`Cannot list by index "${name}": it was never added`);
    return found;
  }

  function byIndex(index: string, value: string): readonly T[] {
    const found = indexNamed(index).entries.get(value);
    return found ? [...found.values()] : [];
  }

  function addIndex(name: string, valuesOf: Index<T>['valuesOf']): void {
    if (indexes.has(name)) return;
    const added: Index<T> = { valuesOf, entries: new Map() };
    indexes.set(name, added);
    for (const [key, object] of objects) move(added, key, undefined, object);
  }
  addIndex(NAMESPACE, ({ metadata }) => [metadata.namespace ?? '']);

  return {
    objects,
    put(key, object) {
      const previous = objects.get(key);
      for (const index of indexes.values()) move(index, key, previous, object);
      if (object) objects.set(key, object);
      else objects.delete(key);
      return previous;
    },
    inNamespace: (namespace) => byIndex(NAMESPACE, namespace),
    byIndex,
    addIndex,
    valuesOf: (index) => indexNamed(index).valuesOf,
  };
}

function move<T>(
  { valuesOf, entries }: Index<T>,
  key: string,
  before: T | undefined,
  after: T | undefined,
): void {
  const [olds, news] = [before ? valuesOf(before) : [], after ? valuesOf(after) : []];
  if (after && olds.length === news.length && olds.every((value, index) => value === news[index])) {
    for (const value of news) entries.get(value)?.set(key, after);
    return;
  }
  for (const value of olds) {
    const bucket = entries.get(value);
    bucket?.delete(key);
    if (bucket?.size === 0) entries.delete(value);
  }
  if (!after) return;
  for (const value of news) {
    let bucket = entries.get(value);
    if (!bucket) entries.set(value, (bucket = new Map<string, T>()));
    bucket.set(key, after);
  }
}
