/** Binds claims and volumes, and ends volumes; see plan-claim.ts and plan-volume.ts. */
import { keyOf, objectKey } from '../../schemas/object.ts';
import type { Node, PersistentVolume, PersistentVolumeClaim, Pod } from '../../schemas/types.ts';
import { BIND_COMPLETED, hasAnnotation } from '../../schemas/volumes/binding.ts';
import { classNameOf, defaultClass, namesClass } from '../../schemas/volumes/classes.ts';
import { VOLUME_NODE_LABEL } from '../../schemas/volumes/drivers.ts';
import { isWithin } from '../../schemas/volumes/exports.ts';
import { isReadyNode, roomOn } from '../../schemas/volumes/node-volumes.ts';
import { claimsOfPod } from '../../schemas/volumes/pod-claims.ts';
import { claimKeyOf, openStorage } from '../../store/cache/storage-caches.ts';
import type { Controller, Reconciler } from '../controller.ts';
import { createSaidEvents, type Said } from '../said-events.ts';
import { BINDER_EVENTS } from './binder-events.ts';
import { type ClaimView, planClaim } from './plan-claim.ts';
import { planVolume, type VolumeView } from './plan-volume.ts';
type View = Said<ClaimView | VolumeView>;

const WAITING_BY_CLAIM = 'waiting-by-claim';

export const persistentVolumeBinder: Controller = {
  name: 'persistentvolume-binder',
  async open({ caches }, scope): Promise<Reconciler<View>> {
    const storage = await openStorage(caches);
    const { claims, volumes, classes } = storage;
    const nodes = await caches.open<Node>('nodes');
    const pods = await caches.open<Pod>('pods');
    pods.addIndex(WAITING_BY_CLAIM, (pod) =>
      pod.spec.nodeName ? [] : claimsOfPod(pod).map(({ name }) => objectKey(pod.metadata.namespace, name)),
    );
    const said = createSaidEvents();

    scope.on(claims, ({ key, object }) => [
      key,
      ...(object.spec.volumeName ? [object.spec.volumeName] : []),
      ...storage.referringTo(key).map(keyOf),
    ]);
    scope.on(volumes, ({ key, type, object, previous }) => [
      key,
      ...[object, previous].flatMap((volume) => (volume && claimKeyOf(volume)) ?? []),
      ...storage.naming(key).map(keyOf),
      ...(type !== 'DELETED' && isFree(object) ? storage.unbound(classNameOf(object)).map(keyOf) : []),
    ]);
    scope.on(classes, () => storage.unbound().map(keyOf));
    // A node that is gone removes nothing; a node that is ready can remove what lies on a server.
    scope.on(nodes, ({ type, object }) =>
      [...(type === 'DELETED' ? storage.volumesOn(object.metadata.name) : []), ...storage.volumesOn('')]
        .filter(({ metadata }) => metadata.deletionTimestamp !== undefined)
        .map(keyOf),
    );

    function roomFor(volume: PersistentVolume | undefined): number | undefined {
      const name = volume?.metadata.labels?.[VOLUME_NODE_LABEL];
      const node = name === undefined ? undefined : nodes.get(name);
      return node && roomOn(node, storage.volumesOn(node.metadata.name));
    }

    async function viewClaim(claim: PersistentVolumeClaim, signal: AbortSignal): Promise<ClaimView> {
      const key = keyOf(claim);
      const name = claim.spec.volumeName ?? '';
      // Nothing is called lost because a cache is behind.
      if (hasAnnotation(claim, BIND_COMPLETED) && !volumes.get(name)) await volumes.refresh(signal);
      const volume = name === '' ? undefined : volumes.get(name);
      return {
        type: 'claim',
        claim,
        storageClass: storage.storageClass(classNameOf(claim)),
        defaultClass: namesClass(claim) ? undefined : defaultClass(classes.list()),
        volume,
        candidates: name === '' ? storage.candidates(claim) : [],
        waitingPods: pods
          .byIndex(WAITING_BY_CLAIM, key)
          .map(({ metadata }) => metadata.name)
          .sort(),
        room: roomFor(volume),
      };
    }

    async function viewVolume(volume: PersistentVolume, signal: AbortSignal): Promise<VolumeView> {
      const key = claimKeyOf(volume) ?? '';
      const { uid } = volume.spec.claimRef ?? {};
      const found = (): PersistentVolumeClaim | undefined => {
        const claim = claims.get(key);
        return claim?.metadata.uid === uid ? claim : undefined;
      };
      // Nothing is released or removed because a cache is behind.
      if (uid && !found()) await claims.refresh(signal);
      const node = volume.metadata.labels?.[VOLUME_NODE_LABEL];
      const isLeaving = volume.metadata.deletionTimestamp !== undefined;
      if (isLeaving && node !== undefined && !nodes.get(node)) await nodes.refresh(signal);
      if (isLeaving && volume.spec.nfs) await volumes.refresh(signal);
      return {
        type: 'volume',
        volume,
        claim: found(),
        hasNode: node !== undefined && nodes.get(node) !== undefined,
        sharedWith: isLeaving ? othersIn(volume, volumes.list())[0]?.metadata.name : undefined,
        readyNodes: isLeaving ? nodes.list().filter(isReadyNode).map(keyOf).sort() : [],
      };
    }

    return {
      events: { component: 'persistentvolume-controller', texts: BINDER_EVENTS },
      // While the store is rebuilt, claims and volumes come back one by one.
      pausesForRebuild: true,
      keys: () => [...claims.list().map(keyOf), ...volumes.list().map(keyOf)],
      async observe(key, signal) {
        // A claim's key has a namespace, a volume's has none.
        const claim = claims.get(key);
        const volume = volumes.get(key);
        const view = claim ? await viewClaim(claim, signal) : volume && (await viewVolume(volume, signal));
        return view && { ...view, said: said.of(key) };
      },
      plan: (view) => said.unlessSaid(view.type === 'claim' ? planClaim(view) : planVolume(view), view),
      after: (plan, key) => said.note(plan, key),
    };
  },
};

/** A class with a fixed `subDir` gives several claims one directory. */
const othersIn = (
  { metadata, spec }: PersistentVolume,
  volumes: readonly PersistentVolume[],
): readonly PersistentVolume[] =>
  volumes.filter((other) => other.metadata.name !== metadata.name && isWithin(other.spec.nfs, spec.nfs));

const isFree = ({ spec, status }: PersistentVolume): boolean =>
  !spec.claimRef && status?.phase === 'Available';
