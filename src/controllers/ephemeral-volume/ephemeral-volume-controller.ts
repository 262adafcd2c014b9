/** Makes the claims of generic ephemeral volumes; see plan-ephemeral-claims.ts. */
import { keyOf, objectKey } from '../../schemas/object.ts';
import type { PersistentVolumeClaim, Pod } from '../../schemas/types.ts';
import { controllerOf } from '../../schemas/object.ts';
import { type Controller, itself, type Reconciler } from '../controller.ts';
import { createRecordedEvents, type Recorded } from '../recorded-events.ts';
import {
  EPHEMERAL_EVENTS,
  type EphemeralView,
  planEphemeralClaims,
  planRefusedClaims,
} from './plan-ephemeral-claims.ts';

const WITH_EPHEMERAL = 'with-ephemeral-volumes';

export const ephemeralVolume: Controller = {
  name: 'ephemeral-volume',
  async open({ caches }, scope): Promise<Reconciler<Recorded<EphemeralView>>> {
    const pods = await caches.open<Pod>('pods');
    const claims = await caches.open<PersistentVolumeClaim>('persistentvolumeclaims');
    const recorded = createRecordedEvents();
    const hasEphemeral = ({ spec }: Pod): boolean =>
      spec.volumes?.some(({ ephemeral }) => ephemeral) === true;
    pods.addIndex(WITH_EPHEMERAL, (pod) => (hasEphemeral(pod) ? ['yes'] : []));
    scope.on(pods, (event) => (hasEphemeral(event.object) ? itself(event) : []));
    // A claim in the way of a pod may go, and a claim of a pod may be deleted by hand.
    scope.on(claims, ({ type, object }) => {
      const owner = controllerOf(object);
      if (type !== 'DELETED') return [];
      if (owner) return owner.kind === 'Pod' ? [objectKey(object.metadata.namespace, owner.name)] : [];
      return pods
        .byIndex(WITH_EPHEMERAL, 'yes')
        .filter(({ metadata }) => metadata.namespace === object.metadata.namespace)
        .map(keyOf);
    });
    return {
      events: { component: 'ephemeral_volume', texts: EPHEMERAL_EVENTS },
      pausesForRebuild: true,
      keys: () => pods.byIndex(WITH_EPHEMERAL, 'yes').map(keyOf),
      async observe(key, signal) {
        const pod = pods.get(key);
        if (!pod) return undefined;
        const view: Recorded<EphemeralView> = {
          pod,
          claim: (name) => claims.get(objectKey(pod.metadata.namespace, name)),
          recorded: recorded.of(key),
        };
        if (planEphemeralClaims(view)) await claims.refresh(signal);
        return view;
      },
      plan: (view) => recorded.unlessRecorded(planEphemeralClaims(view), view),
      planRefused: (view, { message, namespaceGoes }) =>
        namespaceGoes ? undefined : planRefusedClaims(view, message),
      after: (plan, key) => recorded.note(plan, key),
    };
  },
};
