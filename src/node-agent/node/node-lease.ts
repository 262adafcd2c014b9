/** The node's Lease: the control plane takes a node for dead whose lease is not renewed. */
import { type Clock, toRfc3339Micro } from '../../base/clock.ts';
import { type ApiClient, resources } from '../../client/types.ts';
import { isStatusError } from '../../schemas/errors/status.ts';
import type { Lease } from '../../schemas/types.ts';

/** As kubelet's. */
const LEASE_NAMESPACE = 'kube-node-lease';
const LEASE_SECONDS = 40;

/** Pure. The lease goes with its node; a node that was made anew owns it anew. */
export function planLease(nodeName: string, nodeUid: string | undefined, nowMs: number): Lease {
  const ownerReferences =
    nodeUid === undefined ? [] : [{ apiVersion: 'v1', kind: 'Node', name: nodeName, uid: nodeUid }];
  return {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name: nodeName, namespace: LEASE_NAMESPACE, ownerReferences },
    spec: {
      holderIdentity: nodeName,
      leaseDurationSeconds: LEASE_SECONDS,
      renewTime: toRfc3339Micro(nowMs),
    },
  };
}

export interface NodeLease {
  /** False when the control plane has forgotten the lease: renew again to make a new one. */
  renew(nodeUid: string | undefined): Promise<boolean>;
  /** When the last renewal that the control plane took began. */
  readonly renewedAtMs: number;
}

/** Patches, since the control plane writes the lease, too (node-reporter.ts). */
export function createNodeLease(client: ApiClient, clock: Clock, nodeName: string): NodeLease {
  let exists = false;
  let renewedAtMs = Number.NEGATIVE_INFINITY;
  return {
    get renewedAtMs() {
      return renewedAtMs;
    },
    async renew(nodeUid) {
      const beganMs = clock.now();
      const lease = planLease(nodeName, nodeUid, beganMs);
      const { metadata, spec } = lease;
      const patch = (): Promise<Lease> =>
        client.patch(resources.leases, LEASE_NAMESPACE, nodeName, {
          metadata: { ownerReferences: metadata.ownerReferences },
          spec,
        });
      try {
        await (exists ? patch() : client.create<Lease>(resources.leases, lease));
      } catch (error) {
        // For a new lease it is the namespace that is missing: a failure, and no reason to hurry.
        if (exists && isStatusError(error, 'NotFound')) return (exists = false);
        if (!isStatusError(error, 'AlreadyExists')) throw error;
        await patch();
      }
      exists = true;
      renewedAtMs = beganMs;
      return true;
    },
  };
}
