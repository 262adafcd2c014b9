/**
 * The indexed in-memory state of one resource: objects by key, by namespace and by whatever values a user of the cache
 * asks for. Knows nothing of the store or of events.
 */
import { type KubeObject, splitKey } from '../../schemas/object.ts';

interface Index<T> {
  readonly valuesOf: (object: T) => readonly string[];
  readonly entries: Map<string, Map<string, T>>;
}

export interface ResourceView<T extends KubeObject> {
  readonly objects: ReadonlyMap<string, T>;
  /** Sets or (with undefined) removes an object; answers with the one that was there. */
  put(key: string, object: T | undefined): T | undefined;
  inNamespace(namespace: string): readonly T[];
  byIndex(index: string, value: string): readonly T[];
  addIndex(index: string, valuesOf: (object: T) => readonly string[]): void;
}

export function createResourceView<T extends KubeObject>(): ResourceView<T> {
  const objects = new Map<string, T>();
  const namespaces: Index<T>['entries'] = new Map<string, Map<string, T>>();
  const indexes = new Map<string, Index<T>>();

  function move(
    entries: Index<T>['entries'],
    key: string,
    from: readonly string[],
    to: readonly string[],
    object?: T,
  ): void {
    for (const value of from) {
      const bucket = entries.get(value);
      bucket?.delete(key);
      if (bucket?.size === 0) entries.delete(value);
    }
    if (!object) return;
    for (const value of to) {
      let bucket = entries.get(value);
      if (!bucket) entries.set(value, (bucket = new Map<string, T>()));
      bucket.set(key, object);
    }
  }

  return {
    objects,
    put(key, object) {
      const previous = objects.get(key);
      const namespace = [splitKey(key).namespace ?? ''];
      move(namespaces, key, previous ? namespace : [], namespace, object);
      for (const { valuesOf, entries } of indexes.values()) {
        move(entries, key, previous ? valuesOf(previous) : [], object ? valuesOf(object) : [], object);
      }
      if (object) objects.set(key, object);
      else objects.delete(key);
      return previous;
    },
    inNamespace: (namespace) => [...(namespaces.get(namespace)?.values() ?? [])],
    byIndex(index, value) {
      const found = indexes.get(index);
      if (!found) throw new Error(`Cannot list by index "${index}": it was never added`);
      return [...(found.entries.get(value)?.values() ?? [])];
    },
    addIndex(index, valuesOf) {
      if (indexes.has(index)) return;
      const added: Index<T> = { valuesOf, entries: new Map<string, Map<string, T>>() };
      indexes.set(index, added);
      for (const [key, object] of objects) move(added.entries, key, [], valuesOf(object), object);
    },
  };
}
