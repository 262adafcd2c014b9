/** Binds claims and volumes, and ends volumes; see plan-claim.ts and plan-volume.ts. */
import { keyOf, objectKey } from '../../schemas/object.ts';
import type { Node, PersistentVolume, Pod } from '../../schemas/types.ts';
import { classNameOf } from '../../schemas/volumes/classes.ts';
import { claimsOfPod } from '../../schemas/volumes/pod-claims.ts';
import { claimKeyOf, openStorage } from '../../store/cache/storage-caches.ts';
import type { Controller, Reconciler } from '../controller.ts';
import { createRecordedEvents, type Recorded } from '../recorded-events.ts';
import { BINDER_EVENTS } from './binder-events.ts';
import { createBinderViews } from './binder-views.ts';
import { type ClaimView, planClaim } from './plan-claim.ts';
import { planVolume, type VolumeView } from './plan-volume.ts';

type View = Recorded<ClaimView | VolumeView>;

export const persistentVolumeBinder: Controller = {
  name: 'persistentvolume-binder',
  async open({ caches }, scope): Promise<Reconciler<View>> {
    const storage = await openStorage(caches);
    const { claims, volumes, classes } = storage;
    const nodes = await caches.open<Node>('nodes');
    const pods = await caches.open<Pod>('pods');
    const recorded = createRecordedEvents();

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
    // A claim that waited for the pod waits for another one.
    scope.on(pods, ({ type, object }) =>
      type === 'DELETED' && !object.spec.nodeName
        ? claimsOfPod(object).map(({ name }) => objectKey(object.metadata.namespace, name))
        : [],
    );
    // A node that is gone removes nothing; a node that is ready can remove what lies on a server.
    scope.on(nodes, ({ type, object }) =>
      [...(type === 'DELETED' ? storage.volumesOn(object.metadata.name) : []), ...storage.volumesOn('')]
        .filter(({ metadata }) => metadata.deletionTimestamp !== undefined)
        .map(keyOf),
    );

    const views = createBinderViews({ storage, nodes, pods });
    return {
      events: { component: 'persistentvolume-controller', texts: BINDER_EVENTS },
      // While the store is rebuilt, claims and volumes come back one by one.
      pausesForRebuild: true,
      keys: () => [...claims.list().map(keyOf), ...volumes.list().map(keyOf)],
      async observe(key, signal) {
        // A claim's key has a namespace, a volume's has none.
        const claim = claims.get(key);
        const volume = volumes.get(key);
        const view = claim
          ? await views.ofClaim(claim, signal)
          : volume && (await views.ofVolume(volume, signal));
        return view && { ...view, recorded: recorded.of(key) };
      },
      plan: (view) =>
        recorded.unlessRecorded(view.type === 'claim' ? planClaim(view) : planVolume(view), view),
      after: (plan, key) => recorded.note(plan, key),
    };
  },
};

const isFree = ({ spec, status }: PersistentVolume): boolean =>
  !spec.claimRef && status?.phase === 'Available';
