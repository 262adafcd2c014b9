/**
 * The finalizers that keep a volume or a claim while it is used (upstream's names): the API puts
 * them on at create, a controller takes them off a deleted one that nobody uses any more.
 */
import { ownMember } from '../../base/json.ts';
import type { KubeObject } from '../object.ts';

export const PROTECTION_FINALIZERS: Readonly<Record<string, string>> = {
  PersistentVolume: 'kubernetes.io/pv-protection',
  PersistentVolumeClaim: 'kubernetes.io/pvc-protection',
};

export function withProtection(object: KubeObject): KubeObject {
  const finalizer = ownMember(PROTECTION_FINALIZERS, object.kind);
  const { finalizers = [] } = object.metadata;
  if (finalizer === undefined || finalizers.includes(finalizer)) return object;
  return { ...object, metadata: { ...object.metadata, finalizers: [...finalizers, finalizer] } };
}
