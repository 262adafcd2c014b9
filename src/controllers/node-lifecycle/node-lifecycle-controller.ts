/**
 * Watches the nodes' signs of life: marks those that fall silent, taints them, tells their pods.
 * After this process itself was away (asleep, cut off from the store, rebuilding), every node gets a full grace period.
 */
import { anySignal, createAbort } from '../../base/abort.ts';
import { sleep, toRfc3339 } from '../../base/clock.ts';
import type { EventInput } from '../../client/plan-event.ts';
import { objectKey } from '../../schemas/object.ts';
import type { Lease, Node, Pod } from '../../schemas/types.ts';
import type { Write } from '../../resources/writing/write-plan.ts';
import { applyAndWait, type ControllerContext, type Loop, startLoop } from '../controller.ts';
import { indexByNode, NODE_INDEX } from '../indexes.ts';
import { podCondition } from '../pod-facts.ts';
import {
  isNodeReady,
  mayEvictFrom,
  observe,
  type Sighting,
  withHealthTaints,
  withUnknownConditions,
} from './plan-node-health.ts';

export interface NodeHealthOptions {
  /** Silence after which a node counts as lost. */
  readonly gracePeriodMs: number;
  readonly monitorPeriodMs: number;
}

/** kube-controller-manager's defaults. */
export const DEFAULT_NODE_HEALTH: NodeHealthOptions = { gracePeriodMs: 40_000, monitorPeriodMs: 5_000 };

/** A tick that comes this many periods late means that we were away, not the nodes. */
const LATE_TICKS = 4;
const COMPONENT = 'node-controller';
const LEASE_NAMESPACE = 'kube-node-lease';

export async function startNodeLifecycleController(
  context: ControllerContext,
  options: NodeHealthOptions,
): Promise<Loop> {
  const { clock, caches, events, store } = context;
  const nodes = await caches.open<Node>('nodes');
  const leases = await caches.open<Lease>('leases.coordination.k8s.io');
  const pods = await caches.open<Pod>('pods');
  indexByNode(pods);
  const sightings = new Map<string, Sighting>();
  /** With their uids. */
  const registered = new Map<string, string | undefined>();

  const loop = startLoop({
    name: 'node-lifecycle',
    context,
    keys: () => nodes.list().map(({ metadata }) => metadata.name),
    async reconcile(name, signal) {
      const node = nodes.get(name);
      if (!node) return forget(name);
      if (!registered.has(name)) {
        registered.set(name, node.metadata.uid);
        record(node, 'RegisteredNode', `Node ${name} event: Registered Node ${name} in Controller`);
      }
      const sighting = look(node);
      const silent = clock.now() - sighting.atMs > options.gracePeriodMs;
      if (silent && context.mayAct()) {
        const unknown = withUnknownConditions(node, clock.now());
        if (unknown) {
          const wasReady = isNodeReady(node);
          await applyAndWait(context, [{ verb: 'update', object: unknown, subresource: 'status' }], signal);
          if (wasReady) record(node, 'NodeNotReady', `Node ${name} status is now: NodeNotReady`);
          return { requeueAfterMs: 0 };
        }
        await markPodsNotReady(name, signal);
      }
      const tainted = withHealthTaints(node, context.mayAct() && mayEvictFrom(nodes.list()), clock.now());
      if (tainted) await applyAndWait(context, [{ verb: 'update', object: tainted }], signal);
      return undefined;
    },
  });

  function look(node: Node): Sighting {
    const { name } = node.metadata;
    const lease = leases.get(objectKey(LEASE_NAMESPACE, name));
    const sighting = observe(sightings.get(name), node, lease, clock.now());
    sightings.set(name, sighting);
    return sighting;
  }

  function forget(name: string): void {
    sightings.delete(name);
    const uid = registered.get(name);
    if (!registered.delete(name)) return;
    const about = { apiVersion: 'v1', kind: 'Node', name, ...(uid === undefined ? {} : { uid }) };
    const message = `Node ${name} event: Removing Node ${name} from Controller`;
    events.record({ about, type: 'Normal', reason: 'RemovingNode', message, component: COMPONENT });
  }

  function record(about: EventInput['about'], reason: string, message: string): void {
    events.record({ about, type: 'Normal', reason, message, component: COMPONENT });
  }

  /** INVARIANTS 11: Ready=True means that the agent confirmed it within its lease. */
  async function markPodsNotReady(name: string, signal: AbortSignal): Promise<void> {
    const ready = pods
      .byIndex(NODE_INDEX, name)
      .filter((pod) => podCondition(pod, 'Ready')?.status === 'True');
    if (ready.length === 0) return;
    const lastTransitionTime = toRfc3339(clock.now());
    const writes = ready.map((pod): Write => {
      const conditions = pod.status?.conditions?.map((condition) =>
        condition.type === 'Ready'
          ? { ...condition, status: 'False' as const, lastTransitionTime }
          : condition,
      );
      const status = { ...pod.status, ...(conditions ? { conditions } : {}) };
      return { verb: 'update', object: { ...pod, status }, subresource: 'status' };
    });
    await applyAndWait(context, writes, signal);
    const said = {
      type: 'Warning',
      reason: 'NodeNotReady',
      message: 'Node is not ready',
      component: COMPONENT,
    } as const;
    for (const about of ready) events.record({ about, ...said });
  }

  /** Ticks until the controller stops; the nodes' silence counts only while we could have heard them. */
  async function monitor(signal: AbortSignal): Promise<void> {
    let last = clock.now();
    while (!signal.aborted) {
      await sleep(clock, options.monitorPeriodMs, signal);
      if (signal.aborted) return;
      const late = clock.now() - last > options.monitorPeriodMs * LATE_TICKS;
      last = clock.now();
      const heard = !late && context.mayAct() && (await storeAnswers());
      if (!heard) {
        for (const [name, sighting] of sightings) sightings.set(name, { ...sighting, atMs: clock.now() });
        continue;
      }
      for (const node of nodes.list()) loop.queue.add(node.metadata.name);
    }
  }

  async function storeAnswers(): Promise<boolean> {
    try {
      await store.versions(leases.resource);
      return true;
    } catch {
      return false;
    }
  }

  const subscriptions = [
    nodes.subscribe(({ key, object }) => {
      if (sightings.has(key)) look(object);
      loop.queue.add(key);
    }),
    leases.subscribe(({ object }) => {
      const node = nodes.get(object.metadata.name);
      if (object.metadata.namespace === LEASE_NAMESPACE && node) look(node);
    }),
  ];
  const stopping = createAbort();
  const signal = anySignal(context.signal, stopping.signal);
  const monitoring = monitor(signal);
  return {
    queue: loop.queue,
    async [Symbol.asyncDispose]() {
      stopping.abort();
      for (const subscription of subscriptions) subscription[Symbol.dispose]();
      await monitoring;
      await loop[Symbol.asyncDispose]();
    },
  };
}
