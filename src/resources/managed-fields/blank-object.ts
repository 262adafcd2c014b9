/**
 * An object of a kind before anything is set, as upstream's Go types write it. A create owns the
 * fields that differ from it, so that a create does not own `spec` as such.
 */
import { formatApiVersion, type KubeObject } from '../../schemas/object.ts';
import { blankObjects } from '../../schemas/generated/derived.js';
import type { ResourceKind } from '../../schemas/resource-kind.ts';

export function blankObject({ group, version, kind, custom, storage, storedAs }: ResourceKind): KubeObject {
  const type = custom || !storedAs ? { group, version, kind } : storedAs;
  const apiVersion = formatApiVersion(type.group, type.version);
  const blank = custom ? {} : blankObjects[`${apiVersion}/${type.kind}`];
  const object: KubeObject = {
    ...blank,
    apiVersion,
    kind: type.kind,
    metadata: {} as KubeObject['metadata'],
  };
  return storage && !custom ? storage.fromStored(object) : object;
}
