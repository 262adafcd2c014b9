/**
 * Watches the nodes' signs of life: marks and taints silent ones, and marks their pods as not
 * ready. An agent is heard over its tunnel; its Lease is the sign of life where there was no tunnel
 * yet. After this process was away (asleep, cut off, rebuilding), every node gets a full grace
 * period.
 */
import { objectKey } from '../../schemas/object.ts';
import type { Lease, Node, Pod } from '../../schemas/types.ts';
import type { Store } from '../../store/types.ts';
import type { Controller, Reconciler } from '../controller.ts';
import { podsOnNode } from '../indexes.ts';
import { indexByNode } from '../../store/cache/indexes.ts';
import { isReady } from '../pod-facts.ts';
import { createNodeSightings } from './node-sightings.ts';
import { LEASE_NAMESPACE } from './plan-lease-renewals.ts';
import { LEASE_GRACE_MS, mayEvictFrom, monitorPeriodMs, readyCondition } from './plan-node-health.ts';
import { NODE_EVENTS, type NodePlan, type NodeView, planNodeLifecycle } from './plan-node-lifecycle.ts';

export interface NodeHealthOptions {
  /** Silence after which a node counts as lost. */
  readonly gracePeriodMs: number;
  /**
   * The same for a node that is known by its Lease alone. Absent: 40 s, or longer with the other.
   */
  readonly leaseGracePeriodMs?: number;
  /** Milliseconds since each agent was heard over its tunnel; absent nodes were not heard. */
  readonly heartbeats?: (signal: AbortSignal) => Promise<ReadonlyMap<string, number>>;
  /** The control plane's own renewals of Leases, by node. */
  readonly renewals?: ReadonlyMap<string, string>;
}

/** kube-controller-manager's default, for a control plane without tunnels. */
export const DEFAULT_NODE_HEALTH: NodeHealthOptions = { gracePeriodMs: LEASE_GRACE_MS };

/** Healthy nodes are reconciled at each change, and this often if notifications are lost. */
const ALL_NODES_EVERY_MS = 300_000;

export const nodeLifecycle = (options: NodeHealthOptions): Controller => ({
  name: 'node-lifecycle',
  async open({ caches, clock, mayAct, signal, store }, scope): Promise<Reconciler<NodeView, NodePlan>> {
    const { gracePeriodMs, heartbeats, renewals } = options;
    const leaseGracePeriodMs = options.leaseGracePeriodMs ?? Math.max(LEASE_GRACE_MS, gracePeriodMs);
    const nodes = await caches.open<Node>('nodes');
    const leases = await caches.open<Lease>('leases.coordination.k8s.io');
    const pods = await caches.open<Pod>('pods');
    indexByNode(pods);
    const sightings = createNodeSightings({
      ...{ clock, gracePeriodMs, leaseGracePeriodMs },
      leaseOf: (name) => leases.get(objectKey(LEASE_NAMESPACE, name)),
      ownRenewalOf: (name) => renewals?.get(name),
      heartbeats: async () => (await heartbeats?.(signal)) ?? new Map<string, number>(),
      isConnected: async () => mayAct() && answers(store, leases.resource),
    });
    /** The uids of nodes whose registration has its event. */
    const registered = new Map<string, string | undefined>();
    let allNodesAtMs = Number.NEGATIVE_INFINITY;

    /** Silent nodes, and those that report themselves as not ready: the brakes may be released. */
    const isUnwell = (node: Node, nowMs: number): boolean =>
      nowMs > sightings.silentAtMs(node) || readyCondition(node)?.status === 'False';

    scope.on(nodes, ({ key, object }) => {
      if (sightings.has(key)) sightings.see(object);
      return [key];
    });
    scope.on(leases, ({ object: { metadata } }) => {
      const node = metadata.namespace === LEASE_NAMESPACE ? nodes.get(metadata.name) : undefined;
      if (node) sightings.see(node);
      return [];
    });
    return {
      events: NODE_EVENTS,
      resyncMs: monitorPeriodMs(gracePeriodMs),
      async keys() {
        const isHearing = await sightings.listen();
        const nowMs = clock.now();
        const isTimeForAll = !isHearing || Math.abs(nowMs - allNodesAtMs) >= ALL_NODES_EVERY_MS;
        if (isTimeForAll) allNodesAtMs = nowMs;
        return nodes
          .list()
          .filter((node) => isTimeForAll || isUnwell(node, nowMs))
          .map(({ metadata }) => metadata.name);
      },
      observe(name) {
        const node = nodes.get(name);
        if (!node) {
          sightings.forget(name);
          return registered.has(name) ? { removed: { name, uid: registered.get(name) } } : undefined;
        }
        const silentAtMs = sightings.silentAtMs(node);
        return {
          node,
          isNew: !registered.has(name),
          silentAtMs,
          readyPods: clock.now() > silentAtMs ? podsOnNode(pods, name).filter(isReady) : [],
          mayAct: mayAct(),
          mayEvict: mayEvictFrom(nodes.list()),
        };
      },
      plan: planNodeLifecycle,
      after({ known }, name) {
        if (known) registered.set(name, known.uid);
        else registered.delete(name);
      },
    };
  },
});

async function answers(store: Store, resource: string): Promise<boolean> {
  try {
    await store.versions(resource);
    return true;
  } catch {
    return false;
  }
}
