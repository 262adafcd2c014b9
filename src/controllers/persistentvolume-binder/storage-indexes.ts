/** Indexes over claims and volumes that the controllers of storage share. */
import { objectKey } from '../../schemas/object.ts';
import type { PersistentVolume, PersistentVolumeClaim } from '../../schemas/types.ts';
import { isFullyBound } from '../../schemas/volumes/binding.ts';
import { classNameOf } from '../../schemas/volumes/classes.ts';
import { VOLUME_NODE_LABEL } from '../../schemas/volumes/drivers.ts';
import type { ResourceCache } from '../../store/cache/cache.ts';

/** Volumes by the key of the claim that they refer to. */
export const BY_CLAIM = 'claim-reference';
/** Volumes without a claim, by class. */
export const FREE_BY_CLASS = 'free-by-class';
/** Volumes by the node that they are labelled with; '' for none. */
export const BY_NODE = 'volume-node';

export function indexVolumes(volumes: ResourceCache<PersistentVolume>): void {
  volumes.addIndex(BY_CLAIM, ({ spec: { claimRef } }) =>
    claimRef ? [objectKey(claimRef.namespace, claimRef.name ?? '')] : [],
  );
  volumes.addIndex(FREE_BY_CLASS, (volume) => (volume.spec.claimRef ? [] : [classNameOf(volume)]));
  volumes.addIndex(BY_NODE, ({ metadata }) => [metadata.labels?.[VOLUME_NODE_LABEL] ?? '']);
}

/** Claims by the volume that they name. */
export const BY_VOLUME = 'named-volume';
/** Claims that are not bound, by class. */
export const UNBOUND_BY_CLASS = 'unbound-by-class';
export const UNBOUND = 'unbound';

export function indexClaims(claims: ResourceCache<PersistentVolumeClaim>): void {
  claims.addIndex(BY_VOLUME, ({ spec }) => (spec.volumeName ? [spec.volumeName] : []));
  claims.addIndex(UNBOUND_BY_CLASS, (claim) => (isFullyBound(claim) ? [] : [classNameOf(claim)]));
  claims.addIndex(UNBOUND, (claim) => (isFullyBound(claim) ? [] : ['yes']));
}
