/** Makes volumes for claims of our own drivers; see plan-provisioning.ts. */
import { keyOf } from '../../schemas/object.ts';
import type { Node } from '../../schemas/types.ts';
import { isFullyBound } from '../../schemas/volumes/binding.ts';
import { classNameOf } from '../../schemas/volumes/classes.ts';
import { driverOf, PROVISIONER_ANNOTATION } from '../../schemas/volumes/drivers.ts';
import { mayHoldMore, roomOn } from '../../schemas/volumes/node-volumes.ts';
import { openStorage } from '../../store/cache/storage-caches.ts';
import { type Controller, itself, type Plan, type Reconciler } from '../controller.ts';
import { createRecordedEvents, type Recorded } from '../recorded-events.ts';
import { planProvisioning, type ProvisioningView } from './plan-provisioning.ts';
import { PROVISIONER_EVENTS } from './provisioner-events.ts';

/**
 * A node that comes, or a volume that goes, may make room. Claims are reconciled this long after
 * it, once for many of them.
 */
const ROOM_DELAY_MS = 1_000;

export const volumeProvisioner: Controller = {
  name: 'volume-provisioner',
  async open({ caches }, scope): Promise<Reconciler<Recorded<ProvisioningView>>> {
    const storage = await openStorage(caches);
    const nodes = await caches.open<Node>('nodes');
    const recorded = createRecordedEvents();
    const waiting = (): readonly string[] => storage.unbound().map(keyOf);
    scope.on(storage.claims, itself);
    scope.on(storage.classes, waiting);
    scope.on(
      nodes,
      ({ type, object, previous }) => (type === 'DELETED' || mayHoldMore(object, previous) ? waiting() : []),
      ROOM_DELAY_MS,
    );
    scope.on(storage.volumes, ({ type }) => (type === 'DELETED' ? waiting() : []), ROOM_DELAY_MS);
    return {
      events: { component: 'volume-provisioner', texts: PROVISIONER_EVENTS },
      // While the store is rebuilt, the volume of a claim may not be back yet.
      pausesForRebuild: true,
      keys: waiting,
      async observe(key, signal) {
        const claim = storage.claims.get(key);
        const provisioner = claim?.metadata.annotations?.[PROVISIONER_ANNOTATION] ?? '';
        if (!claim || isFullyBound(claim) || driverOf(provisioner) === undefined) return undefined;
        const storageClass = storage.storageClass(classNameOf(claim));
        if (storageClass?.provisioner !== provisioner) return undefined;
        const view = (): Recorded<ProvisioningView> => ({
          claim,
          storageClass,
          hasVolume: storage.isServed(claim),
          nodes: nodes.list(),
          volumes: storage.volumes.list(),
          roomOn: (node) => roomOn(node, storage.volumesOn(node.metadata.name)),
          recorded: recorded.of(key),
        });
        if (!planProvisioning(view())) return undefined;
        // A volume that came back for this claim counts.
        await Promise.all([storage.volumes.refresh(signal), nodes.refresh(signal)]);
        return view();
      },
      plan: (view): Plan | undefined => recorded.unlessRecorded(planProvisioning(view), view),
      after: (plan, key) => recorded.note(plan, key),
    };
  },
};
