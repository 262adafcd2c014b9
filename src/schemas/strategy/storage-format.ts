/**
 * How objects lie in the store, and how this program reads them. Pure.
 *
 * Reading migrates an object and fills in its defaults, as Kubernetes does. A new default therefore
 * changes nothing until somebody changes the object: every comparison sees stored and desired in
 * the same form. Custom objects get the defaults of their definition when they are served
 * (custom/custom-kind.ts).
 */
import { jsonEqual } from '../../base/json.ts';
import { omit } from '../json-access.ts';
import type { KubeObject } from '../object.ts';
import type { Registry, ResourceId, ResourceKind } from '../resource-kind.ts';

export interface StorageFormat {
  /** The storage version in which this program writes objects of the resource. */
  versionOf(resource: ResourceId): number;
  /**
   * The object as this program would store it. An object of a newer storage version is returned as
   * it is.
   */
  read(resource: ResourceId, object: KubeObject, storageVersion: number): KubeObject;
}

/** Objects are read as they were written. */
export const plainFormat: StorageFormat = { versionOf: () => 1, read: (_resource, object) => object };

export function createStorageFormat(registry: Pick<Registry, 'byId'>): StorageFormat {
  const kindOf = (resource: ResourceId): ResourceKind | undefined => {
    const kind = registry.byId(resource);
    return kind?.custom ? undefined : kind;
  };
  return {
    versionOf: (resource) => kindOf(resource)?.storageVersion ?? 1,
    read(resource, object, storageVersion) {
      const kind = kindOf(resource);
      if (kind?.kind !== object.kind) return object;
      const current = kind.storageVersion ?? 1;
      if (storageVersion > current) return object;
      const migrated = storageVersion < current ? kind.migrate?.(object, storageVersion) : undefined;
      return withDefaults(kind, migrated ?? object);
    },
  };
}

/**
 * Metadata is kept as it is, and so is the status where it is the system's. Neither is walked
 * through: the record of field owners and the status are most of an object. The same object returns
 * when nothing is added.
 */
function withDefaults(kind: ResourceKind, stored: KubeObject): KubeObject {
  const { metadata, status, ...rest } = stored;
  const ownsStatus = kind.subresources.includes('status');
  const kept = status === undefined ? {} : { status };
  const named = omit(metadata, 'managedFields');
  const filled = kind.withDefaults({ ...rest, ...(ownsStatus ? {} : kept), metadata: named });
  const object = ownsStatus ? { ...omit(filled, 'status'), ...kept, metadata } : { ...filled, metadata };
  return jsonEqual(object, stored) ? stored : object;
}
