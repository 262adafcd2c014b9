/** The newest version of each resource among written objects: a cache that has it shows them all. */
import type { KubeObject } from '../../schemas/object.ts';
import { type Registry, type ResourceId, storageIdOf } from '../../schemas/resource-kind.ts';
import { laterVersion } from '../../store/version.ts';

/** Objects without a version, which were not written yet, count as the version "0". */
export function newestVersions(
  registry: Registry,
  written: Iterable<KubeObject | undefined>,
): ReadonlyMap<ResourceId, string> {
  const newest = new Map<ResourceId, string>();
  for (const object of written) {
    const kind = object && registry.byKind(object.apiVersion, object.kind);
    if (!kind) continue;
    const resource = storageIdOf(kind);
    newest.set(resource, laterVersion(newest.get(resource) ?? '0', object.metadata.resourceVersion ?? '0'));
  }
  return newest;
}
