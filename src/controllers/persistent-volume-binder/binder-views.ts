/**
 * Observes a claim or a volume with all that its plan needs. Nothing is called lost, released or
 * removed because a cache is behind: before such a verdict the cache is refreshed.
 */
import { keyOf } from '../../schemas/object.ts';
import type { Node, PersistentVolume, PersistentVolumeClaim, Pod } from '../../schemas/types.ts';
import { BIND_COMPLETED, hasAnnotation } from '../../schemas/volumes/binding.ts';
import { classNameOf, defaultClass, namesClass } from '../../schemas/volumes/classes.ts';
import { VOLUME_NODE_LABEL } from '../../schemas/volumes/drivers.ts';
import { isWithin } from '../../schemas/volumes/exports.ts';
import { isReadyNode, roomOn } from '../../schemas/volumes/node-volumes.ts';
import type { ResourceCache } from '../../store/cache/cache.ts';
import { indexWaitingByClaim, WAITING_BY_CLAIM } from '../../store/cache/indexes.ts';
import { claimKeyOf, type StorageCaches } from '../../store/cache/storage-caches.ts';
import type { ClaimView } from './plan-claim.ts';
import type { VolumeView } from './plan-volume.ts';

export interface BinderCaches {
  readonly storage: StorageCaches;
  readonly nodes: ResourceCache<Node>;
  readonly pods: ResourceCache<Pod>;
}

export interface BinderViews {
  ofClaim(claim: PersistentVolumeClaim, signal: AbortSignal): Promise<ClaimView>;
  ofVolume(volume: PersistentVolume, signal: AbortSignal): Promise<VolumeView>;
}

export function createBinderViews({ storage, nodes, pods }: BinderCaches): BinderViews {
  const { claims, volumes, classes } = storage;
  indexWaitingByClaim(pods);

  function roomFor(volume: PersistentVolume | undefined): number | undefined {
    const name = volume?.metadata.labels?.[VOLUME_NODE_LABEL];
    const node = name === undefined ? undefined : nodes.get(name);
    return node && roomOn(node, storage.volumesOn(node.metadata.name));
  }

  /** The claim that the volume refers to, and no other one of its name. */
  function claimOf(volume: PersistentVolume): PersistentVolumeClaim | undefined {
    const claim = claims.get(claimKeyOf(volume) ?? '');
    return claim?.metadata.uid === volume.spec.claimRef?.uid ? claim : undefined;
  }

  return {
    async ofClaim(claim, signal) {
      const name = claim.spec.volumeName ?? '';
      if (hasAnnotation(claim, BIND_COMPLETED) && !volumes.get(name)) await volumes.refresh(signal);
      const volume = name === '' ? undefined : volumes.get(name);
      const waiting = pods.byIndex(WAITING_BY_CLAIM, keyOf(claim));
      return {
        type: 'claim',
        claim,
        storageClass: storage.storageClass(classNameOf(claim)),
        defaultClass: namesClass(claim) ? undefined : defaultClass(classes.list()),
        volume,
        candidates: name === '' ? storage.candidates(claim) : [],
        waitingPods: waiting.map(({ metadata }) => metadata.name).sort(),
        room: roomFor(volume),
      };
    },
    async ofVolume(volume, signal) {
      if (volume.spec.claimRef?.uid && !claimOf(volume)) await claims.refresh(signal);
      const node = volume.metadata.labels?.[VOLUME_NODE_LABEL];
      const isLeaving = volume.metadata.deletionTimestamp !== undefined;
      if (isLeaving && node !== undefined && !nodes.get(node)) await nodes.refresh(signal);
      if (isLeaving && volume.spec.nfs) await volumes.refresh(signal);
      return {
        type: 'volume',
        volume,
        claim: claimOf(volume),
        hasNode: node !== undefined && nodes.get(node) !== undefined,
        sharedWith: isLeaving ? othersIn(volume, volumes.list())[0]?.metadata.name : undefined,
        readyNodes: isLeaving ? nodes.list().filter(isReadyNode).map(keyOf).sort() : [],
      };
    },
  };
}

/** A class with a fixed `subDir` gives several claims one directory. */
const othersIn = (
  { metadata, spec }: PersistentVolume,
  volumes: readonly PersistentVolume[],
): readonly PersistentVolume[] =>
  volumes.filter((other) => other.metadata.name !== metadata.name && isWithin(other.spec.nfs, spec.nfs));
