/**
 * The differences between a view and a new list, as events. Changes come first, by version; then
 * deletions, under the version of the list.
 */
import { type KubeObject, keyOf } from '../../schemas/object.ts';
import type { CacheEvent } from './cache.ts';

export function planRelist<T extends KubeObject>(
  current: ReadonlyMap<string, T>,
  listed: readonly T[],
  listVersion: string,
): readonly CacheEvent<T>[] {
  const changes: CacheEvent<T>[] = [];
  const present = new Set<string>();
  for (const object of listed) {
    const key = keyOf(object);
    const version = object.metadata.resourceVersion ?? listVersion;
    const previous = current.get(key);
    present.add(key);
    if (previous?.metadata.resourceVersion === version) continue;
    if (!previous) changes.push({ type: 'ADDED', key, object, version });
    else if (previous.metadata.uid === object.metadata.uid) {
      changes.push({ type: 'MODIFIED', key, object, previous, version });
    } else {
      // It was deleted and made anew in between: the new one must not pass for the old one.
      changes.push({ type: 'DELETED', key, object: previous, previous, version });
      changes.push({ type: 'ADDED', key, object, version });
    }
  }
  changes.sort((a, b) => Number(a.version) - Number(b.version));
  const vanished = [...current].filter(([key]) => !present.has(key)).sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [key, previous] of vanished) {
    changes.push({ type: 'DELETED', key, object: previous, previous, version: listVersion });
  }
  return changes;
}
