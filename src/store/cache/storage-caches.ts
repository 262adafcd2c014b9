/** The claims, volumes and classes in memory, with the indexes that their users share. */
import { objectKey } from '../../schemas/object.ts';
import type { PersistentVolume, PersistentVolumeClaim, StorageClass } from '../../schemas/types.ts';
import { isFullyBound, isVolumeOf, SELECTED_NODE } from '../../schemas/volumes/binding.ts';
import { classNameOf, findClass } from '../../schemas/volumes/classes.ts';
import { VOLUME_NODE_LABEL } from '../../schemas/volumes/drivers.ts';
import type { CacheSet, ResourceCache } from './cache.ts';

export interface StorageCaches {
  readonly claims: ResourceCache<PersistentVolumeClaim>;
  readonly volumes: ResourceCache<PersistentVolume>;
  readonly classes: ResourceCache<StorageClass>;
  claim(key: string): PersistentVolumeClaim | undefined;
  volume(name: string): PersistentVolume | undefined;
  /** Well-known names included; see `findClass`. */
  storageClass(name: string): StorageClass | undefined;
  /** Volumes that refer to a claim of that key, whatever uid they say. */
  referringTo(key: string): readonly PersistentVolume[];
  /** Whether a volume is reserved for this claim, and not for an older one of its name. */
  isServed(claim: PersistentVolumeClaim): boolean;
  /** Volumes that refer to the claim, and those of its class that refer to none. */
  candidates(claim: PersistentVolumeClaim): readonly PersistentVolume[];
  /** Volumes with the label of the node; '' for those without one. */
  volumesOn(node: string): readonly PersistentVolume[];
  /** Claims that will get a volume on the node, and have none yet. */
  selectedFor(node: string): readonly PersistentVolumeClaim[];
  /** Claims that name the volume. */
  naming(volume: string): readonly PersistentVolumeClaim[];
  /** Claims that are not bound: all, or those of one class. */
  unbound(className?: string): readonly PersistentVolumeClaim[];
}

const BY_REFERENCE = 'claim-reference';
const FREE_BY_CLASS = 'free-by-class';
const BY_NODE = 'volume-node';
const BY_VOLUME = 'named-volume';
const UNBOUND_BY_CLASS = 'unbound-by-class';
const UNBOUND = 'unbound';
const BY_SELECTED_NODE = 'selected-node';

/** The key of the claim that the volume refers to. */
export const claimKeyOf = ({ spec: { claimRef } }: PersistentVolume): string | undefined =>
  claimRef && objectKey(claimRef.namespace, claimRef.name ?? '');

export async function openStorage(caches: CacheSet): Promise<StorageCaches> {
  const claims = await caches.open<PersistentVolumeClaim>('persistentvolumeclaims');
  const volumes = await caches.open<PersistentVolume>('persistentvolumes');
  const classes = await caches.open<StorageClass>('storageclasses.storage.k8s.io');
  const only = (value: string | undefined): readonly string[] => (value ? [value] : []);
  volumes.addIndex(BY_REFERENCE, (volume) => only(claimKeyOf(volume)));
  volumes.addIndex(FREE_BY_CLASS, (volume) => (volume.spec.claimRef ? [] : [classNameOf(volume)]));
  volumes.addIndex(BY_NODE, ({ metadata }) => [metadata.labels?.[VOLUME_NODE_LABEL] ?? '']);
  claims.addIndex(BY_VOLUME, ({ spec }) => only(spec.volumeName));
  claims.addIndex(UNBOUND_BY_CLASS, (claim) => (isFullyBound(claim) ? [] : [classNameOf(claim)]));
  claims.addIndex(UNBOUND, (claim) => (isFullyBound(claim) ? [] : ['yes']));
  claims.addIndex(BY_SELECTED_NODE, (claim) =>
    isFullyBound(claim) ? [] : only(claim.metadata.annotations?.[SELECTED_NODE]),
  );
  const referringTo = (key: string): readonly PersistentVolume[] => volumes.byIndex(BY_REFERENCE, key);
  const isServed = (claim: PersistentVolumeClaim): boolean =>
    referringTo(objectKey(claim.metadata.namespace, claim.metadata.name)).some((volume) =>
      isVolumeOf(volume, claim),
    );
  return {
    claims,
    volumes,
    classes,
    claim: (key) => claims.get(key),
    volume: (name) => volumes.get(name),
    storageClass: (name) => findClass(name, (stored) => classes.get(stored)),
    referringTo,
    isServed,
    candidates: (claim) => [
      ...referringTo(objectKey(claim.metadata.namespace, claim.metadata.name)),
      ...volumes.byIndex(FREE_BY_CLASS, classNameOf(claim)),
    ],
    volumesOn: (node) => volumes.byIndex(BY_NODE, node),
    selectedFor: (node) => claims.byIndex(BY_SELECTED_NODE, node).filter((claim) => !isServed(claim)),
    naming: (volume) => claims.byIndex(BY_VOLUME, volume),
    unbound: (className) =>
      className === undefined ? claims.byIndex(UNBOUND, 'yes') : claims.byIndex(UNBOUND_BY_CLASS, className),
  };
}
