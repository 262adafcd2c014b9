/** The objects that decide about places, in memory. */
import type {
  Namespace,
  Node,
  Pod,
  ReplicaSet,
  ReplicationController,
  Service,
  StatefulSet,
} from '../../schemas/types.ts';
import type { CacheSet, ResourceCache } from '../../store/cache/cache.ts';
import { openStorage, type StorageCaches } from '../../store/cache/storage-caches.ts';
import { isPending } from '../plan-placement.ts';
import type { SpreadingObjects } from '../snapshot.ts';

export interface PlacementCaches {
  readonly pods: ResourceCache<Pod>;
  readonly nodes: ResourceCache<Node>;
  readonly namespaces: ResourceCache<Namespace>;
  readonly storage: StorageCaches;
  /** Pods without a node. */
  pending(): readonly Pod[];
  spreading(): SpreadingObjects;
}

type Workload = SpreadingObjects['replicaSets'][number];

const PENDING_INDEX = 'pending';

export async function openPlacementCaches(caches: CacheSet): Promise<PlacementCaches> {
  const [pods, nodes, namespaces, services] = await Promise.all([
    caches.open<Pod>('pods'),
    caches.open<Node>('nodes'),
    caches.open<Namespace>('namespaces'),
    caches.open<Service>('services'),
  ]);
  const workloads = await Promise.all([
    caches.open<ReplicaSet>('replicasets.apps'),
    caches.open<ReplicationController>('replicationcontrollers'),
    caches.open<StatefulSet>('statefulsets.apps'),
  ]);
  const storage = await openStorage(caches);
  pods.addIndex(PENDING_INDEX, (pod) => (isPending(pod) ? ['yes'] : []));
  return {
    ...{ pods, nodes, namespaces, storage },
    pending: () => pods.byIndex(PENDING_INDEX, 'yes'),
    spreading: () => ({
      services: services.list(),
      replicaSets: workloads.flatMap<Workload>((cache) => cache.list()),
      storage,
    }),
  };
}
