/**
 * Watches the nodes' signs of life: marks silent ones, taints them, tells their pods. After this
 * process was away (asleep, cut off, rebuilding), every node gets a full grace period.
 */
import { objectKey } from '../../schemas/object.ts';
import type { Lease, Node, Pod } from '../../schemas/types.ts';
import type { Store } from '../../store/types.ts';
import type { Controller, Reconciler } from '../controller.ts';
import { podsOnNode } from '../indexes.ts';
import { indexByNode } from '../../store/cache/indexes.ts';
import { isReady } from '../pod-facts.ts';
import { mayEvictFrom, observe, type Sighting } from './plan-node-health.ts';
import { NODE_EVENTS, type NodePlan, type NodeView, planNodeLifecycle } from './plan-node-lifecycle.ts';

export interface NodeHealthOptions {
  /** Silence after which a node counts as lost. */
  readonly gracePeriodMs: number;
  readonly monitorPeriodMs: number;
}

/** kube-controller-manager's defaults. */
export const DEFAULT_NODE_HEALTH: NodeHealthOptions = { gracePeriodMs: 40_000, monitorPeriodMs: 5_000 };

/** A tick that comes this many periods late means that we were away, not the nodes. */
const LATE_TICKS = 4;
const LEASE_NAMESPACE = 'kube-node-lease';

export const nodeLifecycle = ({ gracePeriodMs, monitorPeriodMs }: NodeHealthOptions): Controller => ({
  name: 'node-lifecycle',
  async open({ caches, clock, mayAct, store }, scope): Promise<Reconciler<NodeView, NodePlan>> {
    const nodes = await caches.open<Node>('nodes');
    const leases = await caches.open<Lease>('leases.coordination.k8s.io');
    const pods = await caches.open<Pod>('pods');
    indexByNode(pods);
    const sightings = new Map<string, Sighting>();
    /** The uids of nodes whose registration was told. */
    const registered = new Map<string, string | undefined>();
    let lastTickMs = clock.now();

    function sight(node: Node): Sighting {
      const { name } = node.metadata;
      const lease = leases.get(objectKey(LEASE_NAMESPACE, name));
      const sighting = observe(sightings.get(name), node, lease, clock.now());
      sightings.set(name, sighting);
      return sighting;
    }

    /** The nodes' silence counts only while we could have heard them. */
    async function couldHear(): Promise<boolean> {
      const sinceMs = clock.now() - lastTickMs;
      lastTickMs = clock.now();
      // A clock that was set back would make silent nodes look alive for as long.
      const isLate = sinceMs < 0 || sinceMs > monitorPeriodMs * LATE_TICKS;
      return !isLate && mayAct() && (await answers(store, leases.resource));
    }

    scope.on(nodes, ({ key, object }) => {
      if (sightings.has(key)) sight(object);
      return [key];
    });
    scope.on(leases, ({ object: { metadata } }) => {
      const node = metadata.namespace === LEASE_NAMESPACE ? nodes.get(metadata.name) : undefined;
      if (node) sight(node);
      return [];
    });
    return {
      events: NODE_EVENTS,
      resyncMs: monitorPeriodMs,
      async keys() {
        if (!(await couldHear()))
          for (const [name, sighting] of sightings) sightings.set(name, { ...sighting, atMs: clock.now() });
        return nodes.list().map(({ metadata }) => metadata.name);
      },
      observe(name) {
        const node = nodes.get(name);
        if (!node) {
          sightings.delete(name);
          return registered.has(name) ? { removed: { name, uid: registered.get(name) } } : undefined;
        }
        return {
          node,
          isNew: !registered.has(name),
          silentAtMs: sight(node).atMs + gracePeriodMs,
          readyPods: podsOnNode(pods, name).filter(isReady),
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
