/** The caches that requests are served from. */
import { andThen, type Eventually } from '../../base/eventually.ts';
import { type ResourceKind, storageIdOf } from '../../schemas/resource-kind.ts';
import type { CacheSet, ResourceCache } from '../../store/cache/cache.ts';
import { indexByNode } from '../../store/cache/indexes.ts';

export interface Snapshots {
  /** At once where it is open, as it is after the first time. */
  open(kind: Pick<ResourceKind, 'group' | 'plural' | 'storage'>): Eventually<ResourceCache>;
}

export function createSnapshots(caches: CacheSet): Snapshots {
  return {
    open: (kind) =>
      andThen(caches.open(storageIdOf(kind)), (cache) => {
        // Field selectors that select by an index (selection.ts).
        if (cache.resource === 'pods') indexByNode(cache);
        return cache;
      }),
  };
}
