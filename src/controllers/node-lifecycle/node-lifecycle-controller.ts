/**
 * Watches the nodes' signs of life: marks silent ones, taints them, tells their pods. An agent is
 * heard over its tunnel; its Lease is the sign of life where there was no tunnel yet. After this
 * process was away (asleep, cut off, rebuilding), every node gets a full grace period.
 */
import { objectKey } from '../../schemas/object.ts';
import type { Lease, Node, Pod } from '../../schemas/types.ts';
import type { Store } from '../../store/types.ts';
import type { Controller, Reconciler } from '../controller.ts';
import { podsOnNode } from '../indexes.ts';
import { indexByNode } from '../../store/cache/indexes.ts';
import { isReady } from '../pod-facts.ts';
import {
  LEASE_GRACE_MS,
  laterBy,
  mayEvictFrom,
  monitorPeriodMs,
  observe,
  readyCondition,
  type Sighting,
  silentAtMs,
} from './plan-node-health.ts';
import { NODE_EVENTS, type NodePlan, type NodeView, planNodeLifecycle } from './plan-node-lifecycle.ts';

export interface NodeHealthOptions {
  /** Silence after which a node counts as lost. */
  readonly gracePeriodMs: number;
  /** The same for a node that is known by its Lease alone. Absent: 40 s, or longer with the other. */
  readonly leaseGracePeriodMs?: number;
  /** Milliseconds since each agent was heard over its tunnel; absent nodes were not heard. */
  readonly heartbeats?: (signal: AbortSignal) => Promise<ReadonlyMap<string, number>>;
}

/** kube-controller-manager's default, for a control plane without tunnels. */
export const DEFAULT_NODE_HEALTH: NodeHealthOptions = { gracePeriodMs: LEASE_GRACE_MS };

/** A tick that comes this many periods late means that we were away, not the nodes. */
const LATE_TICKS = 4;
/** Quiet, healthy nodes are looked at with each change; this often with every notification lost. */
const LOOK_AT_ALL_MS = 300_000;
const LEASE_NAMESPACE = 'kube-node-lease';

export const nodeLifecycle = (options: NodeHealthOptions): Controller => ({
  name: 'node-lifecycle',
  async open({ caches, clock, mayAct, signal, store }, scope): Promise<Reconciler<NodeView, NodePlan>> {
    const { gracePeriodMs, heartbeats } = options;
    const leaseGracePeriodMs = options.leaseGracePeriodMs ?? Math.max(LEASE_GRACE_MS, gracePeriodMs);
    const periodMs = monitorPeriodMs(gracePeriodMs);
    const nodes = await caches.open<Node>('nodes');
    const leases = await caches.open<Lease>('leases.coordination.k8s.io');
    const pods = await caches.open<Pod>('pods');
    indexByNode(pods);
    const sightings = new Map<string, Sighting>();
    /** The uids of nodes whose registration was told. */
    const registered = new Map<string, string | undefined>();
    const startedAtMs = clock.now();
    let lastTickMs = startedAtMs;
    let lookedAtAllMs = Number.NEGATIVE_INFINITY;
    /** Nobody counts as silent since before this time. */
    let couldHearSinceMs = startedAtMs;

    function sight(node: Node): Sighting {
      const { name } = node.metadata;
      const lease = leases.get(objectKey(LEASE_NAMESPACE, name));
      const sighting = observe(sightings.get(name), node, lease, clock.now());
      sightings.set(name, sighting);
      return sighting;
    }

    /** Silent nodes, and those that say so themselves: the brakes may be released meanwhile. */
    const isUnwell = (node: Node, nowMs: number): boolean =>
      nowMs > silentAt(node) || readyCondition(node)?.status === 'False';

    const silentAt = (node: Node): number =>
      silentAtMs(sight(node), { gracePeriodMs, leaseGracePeriodMs, couldHearSinceMs });

    /** The nodes' silence counts only while we could have heard them. */
    async function couldHear(): Promise<boolean> {
      const sinceMs = clock.now() - lastTickMs;
      lastTickMs = clock.now();
      credit(Math.max(0, sinceMs - periodMs));
      // Also a clock that was set back.
      const isLate = sinceMs < 0 || sinceMs > periodMs * LATE_TICKS;
      return !isLate && mayAct() && (await answers(store, leases.resource));
    }

    /** Time in which we were held up is nobody's silence. */
    function credit(ms: number): void {
      for (const [name, sighting] of sightings) sightings.set(name, laterBy(sighting, ms, clock.now()));
    }

    async function listen(): Promise<void> {
      const ages = (await heartbeats?.(signal)) ?? new Map<string, number>();
      for (const [name, age] of ages) {
        const sighting = sightings.get(name);
        const heardAtMs = clock.now() - age;
        // Heard before this process led: such a tunnel may have moved to another server.
        if (!sighting || heardAtMs < (sighting.heardAtMs ?? Math.min(startedAtMs, lastTickMs))) continue;
        sightings.set(name, { ...sighting, heardAtMs });
      }
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
      resyncMs: periodMs,
      async keys() {
        await listen();
        const isHearing = await couldHear();
        const nowMs = clock.now();
        if (!isHearing) couldHearSinceMs = nowMs;
        const all = nodes.list();
        const isTimeForAll = !isHearing || Math.abs(nowMs - lookedAtAllMs) >= LOOK_AT_ALL_MS;
        if (isTimeForAll) lookedAtAllMs = nowMs;
        return all
          .filter((node) => isTimeForAll || isUnwell(node, nowMs))
          .map(({ metadata }) => metadata.name);
      },
      observe(name) {
        const node = nodes.get(name);
        if (!node) {
          sightings.delete(name);
          return registered.has(name) ? { removed: { name, uid: registered.get(name) } } : undefined;
        }
        const silentAtMs = silentAt(node);
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
