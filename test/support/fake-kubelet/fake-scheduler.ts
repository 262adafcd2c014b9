/** Binds pods to nodes in turn, as the scheduler would: with their claims, and without taints. */
import { targetNode } from '../../../src/controllers/daemon-set/daemon-pods.ts';
import { objectKey } from '../../../src/schemas/object.ts';
import { claimsOfPod } from '../../../src/schemas/volumes/pod-claims.ts';
import type { Node, PersistentVolumeClaim, Pod, StorageClass } from '../../../src/schemas/types.ts';
import type { TestCluster } from '../cluster.ts';

export interface FakeScheduler {
  /** False: a claim of the pod is unbound, and the pod has to wait. */
  bind(pod: Pod): Promise<boolean>;
  /** Whether this scheduler bound the pod. */
  isBound(pod: Pod): boolean;
}

export async function openFakeScheduler({ objects, context }: TestCluster): Promise<FakeScheduler> {
  const nodes = await context.caches.open<Node>('nodes');
  const claims = await context.caches.open<PersistentVolumeClaim>('persistentvolumeclaims');
  const classes = await context.caches.open<StorageClass>('storageclasses.storage.k8s.io');
  const bound = new Set<string>();
  let turn = 0;

  const waitsForClaims = (pod: Pod): boolean =>
    claimsOfPod(pod).some(({ name }) => {
      const claim = claims.get(objectKey(pod.metadata.namespace, name));
      const binding = classes.get(claim?.spec.storageClassName ?? '')?.volumeBindingMode;
      return claim?.status?.phase !== 'Bound' && binding !== 'WaitForFirstConsumer';
    });

  return {
    async bind(pod) {
      if (waitsForClaims(pod)) return false;
      const free = nodes.list().filter((node) => !(node.spec.taints ?? []).length);
      turn += 1;
      const node = targetNode(pod) ?? free[turn % free.length]?.metadata.name;
      if (!node) return true;
      bound.add(pod.metadata.uid ?? '');
      const { conditions, ...status } = pod.status ?? {};
      const placed = { ...pod, spec: { ...pod.spec, nodeName: node }, ...(conditions ? { status } : {}) };
      await objects.update(placed, { subresource: 'binding' });
      return true;
    },
    isBound: ({ metadata }) => bound.has(metadata.uid ?? ''),
  };
}
