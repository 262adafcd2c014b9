/** Runs {@link planStatefulSet} for each StatefulSet whose objects changed. */
import { keyOf, objectKey } from '../../schemas/object.ts';
import type {
  ConfigMap,
  ControllerRevision,
  PersistentVolumeClaim,
  Pod,
  StatefulSet,
} from '../../schemas/types.ts';
import { namesIn, UNREPORTED_KEY } from '../../schemas/unreported-nodes.ts';
import { indexByController } from '../../store/cache/indexes.ts';
import { type Controller, itself, type Reconciler } from '../controller.ts';
import { claimableBy, ownersConcerned } from '../indexes.ts';
import { isClaimOf, memberNameOf } from './identity.ts';
import { planRefusedPods, planStatefulSet, selectorOf } from './plan-stateful-set.ts';
import { STATEFUL_SET_EVENTS, type StatefulSetView } from './round.ts';

export const statefulSetController: Controller = {
  name: 'statefulset',
  async open({ caches }, scope): Promise<Reconciler<StatefulSetView>> {
    const sets = await caches.open<StatefulSet>('statefulsets.apps');
    const revisions = await caches.open<ControllerRevision>('controllerrevisions.apps');
    const pods = await caches.open<Pod>('pods');
    const claims = await caches.open<PersistentVolumeClaim>('persistentvolumeclaims');
    const configMaps = await caches.open<ConfigMap>('configmaps');
    const nodes = await caches.open('nodes');
    indexByController(revisions);
    indexByController(pods);
    const concerned = ownersConcerned('StatefulSet', sets, selectorOf);

    scope.on(sets, itself);
    scope.on(revisions, concerned);
    scope.on(pods, concerned);
    // A foreign pod of a member's name, or a claim that goes, may be what a set waits for.
    scope.on(pods, ({ type, object: { metadata } }) => {
      const parent = type === 'DELETED' ? memberNameOf(metadata.name)?.set : undefined;
      const key = parent === undefined ? '' : objectKey(metadata.namespace, parent);
      return sets.get(key) ? [key] : [];
    });
    scope.on(claims, ({ type, object: { metadata } }) =>
      type === 'DELETED'
        ? sets
            .list(metadata.namespace)
            .filter((set) => isClaimOf(set, metadata.name))
            .map(keyOf)
        : [],
    );
    const keys = (): readonly string[] => sets.list().map(keyOf);
    scope.on(configMaps, ({ key }) => (key === UNREPORTED_KEY ? keys() : []));

    /** Nodes that may run pods of the set which the store does not know. */
    function unreportedFor({ metadata }: StatefulSet): readonly string[] {
      const list = configMaps.get(UNREPORTED_KEY);
      const isOlder = (metadata.creationTimestamp ?? '') <= (list?.metadata.creationTimestamp ?? '');
      return list && isOlder ? namesIn(list).filter((name) => !nodes.get(name)) : [];
    }

    return {
      // Pods may be missing that run: an ordinal would get a second one.
      pausesForRebuild: true,
      events: STATEFUL_SET_EVENTS,
      keys,
      observe(key) {
        const set = sets.get(key);
        if (!set) return undefined;
        const { namespace } = set.metadata;
        const selector = selectorOf(set);
        return {
          set,
          pods: claimableBy(pods, set, selector),
          revisions: claimableBy(revisions, set, selector),
          revisionNamed: (name) => revisions.get(objectKey(namespace, name)),
          claimNamed: (name) => claims.get(objectKey(namespace, name)),
          unreportedNodes: unreportedFor(set),
          podNamed: (name) => pods.get(objectKey(namespace, name)),
        };
      },
      plan: planStatefulSet,
      planRefused: planRefusedPods,
    };
  },
};
