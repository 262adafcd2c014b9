/** Registers the nodes of the stories, and renews the leases of those that are up. */
import { sleep, toRfc3339, toRfc3339Micro } from '../../../src/base/clock.ts';
import type { Lease, Node } from '../../../src/schemas/types.ts';
import type { TestCluster } from '../cluster.ts';

const RENEW_MS = 1500;

export async function registerNode({ clock, objects }: TestCluster, node: Node): Promise<void> {
  const resources = { cpu: '16', memory: '64Gi', pods: '110' };
  const now = toRfc3339(clock.now());
  const ready = {
    type: 'Ready',
    status: 'True',
    reason: 'KubeletReady',
    lastHeartbeatTime: now,
    lastTransitionTime: now,
  };
  const status = { allocatable: resources, capacity: resources, conditions: [ready] };
  const metadata = { ...node.metadata };
  delete metadata.resourceVersion;
  await objects.update({ ...node, metadata, status }, { subresource: 'status' });
}

/** Until the signal aborts. */
export async function renewLeases(
  { clock, context: { caches }, objects }: TestCluster,
  isUp: (node: string) => boolean,
  signal: AbortSignal,
): Promise<void> {
  const nodes = await caches.open<Node>('nodes');
  const leases = await caches.open<Lease>('leases.coordination.k8s.io');

  async function renew(name: string): Promise<void> {
    const lease = leases.get(`kube-node-lease/${name}`);
    const renewTime = toRfc3339Micro(clock.now());
    const spec = { holderIdentity: name, leaseDurationSeconds: 40, renewTime };
    if (lease) await objects.update({ ...lease, spec });
    else {
      const metadata = { name, namespace: 'kube-node-lease' };
      await objects.create({ apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata, spec });
    }
  }

  while (!signal.aborted) {
    for (const { metadata } of nodes.list()) if (isUp(metadata.name)) await renew(metadata.name);
    await sleep(clock, RENEW_MS, signal);
  }
}
