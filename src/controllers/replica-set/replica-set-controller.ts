/** Runs {@link planReplicaSet} for each changed ReplicaSet or ReplicationController. */
import { controllerOf, keyOf } from '../../schemas/object.ts';
import type { ResourceId } from '../../schemas/resource-kind.ts';
import type { Pod } from '../../schemas/types.ts';
import { type Controller, itself, type Reconciler } from '../controller.ts';
import { controlledBy, orphansFor, ownersConcerned } from '../indexes.ts';
import { indexByController } from '../../store/cache/indexes.ts';
import { isActive } from '../pod-facts.ts';
import {
  planRefusedPods,
  planReplicaSet,
  type ReplicaSetView,
  type Replicator,
  REPLICA_EVENTS,
  selectorOf,
} from './plan-replica-set.ts';

export const replicaSetController = replicatorController({
  kind: 'ReplicaSet',
  resource: 'replicasets.apps',
  component: 'replicaset-controller',
});

export const replicationController = replicatorController({
  kind: 'ReplicationController',
  resource: 'replicationcontrollers',
  component: 'replication-controller',
});

interface ReplicatorKind {
  readonly kind: 'ReplicaSet' | 'ReplicationController';
  readonly resource: ResourceId;
  /** The name that events say. */
  readonly component: string;
}

function replicatorController({ kind, resource, component }: ReplicatorKind): Controller {
  return {
    name: kind.toLowerCase(),
    async open({ caches, mayAct, rng }, scope): Promise<Reconciler<ReplicaSetView>> {
      const replicaSets = await caches.open<Replicator>(resource);
      const pods = await caches.open<Pod>('pods');
      indexByController(replicaSets);
      indexByController(pods);
      scope.on(replicaSets, itself);
      scope.on(pods, ownersConcerned(kind, replicaSets, selectorOf));

      /** ReplicaSets with the same controller. */
      function familyOf(replicaSet: Replicator): readonly Replicator[] {
        const owner = controllerOf(replicaSet);
        return owner ? controlledBy(replicaSets, owner.uid) : [replicaSet];
      }

      return {
        events: { component, texts: REPLICA_EVENTS },
        keys: () => replicaSets.list().map(keyOf),
        observe(key) {
          const replicaSet = replicaSets.get(key);
          if (!replicaSet) return undefined;
          const podsOf = ({ metadata }: Replicator): readonly Pod[] => controlledBy(pods, metadata.uid);
          return {
            replicaSet,
            pods: [...podsOf(replicaSet), ...orphansFor(pods, replicaSet, selectorOf(replicaSet))],
            related: familyOf(replicaSet).flatMap(podsOf).filter(isActive),
            rng,
            mayAct: mayAct(),
          };
        },
        plan: planReplicaSet,
        planRefused: planRefusedPods,
      };
    },
  };
}
