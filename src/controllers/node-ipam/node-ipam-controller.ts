/** Runs {@link planPodCidrs} whenever a node without a slice is there; one at a time, so that slices stay unique. */
import type { Node } from '../../schemas/types.ts';
import type { Write } from '../../store/objects.ts';
import { applyAndWait, type ControllerContext, type Loop, startLoop } from '../controller.ts';
import { planPodCidrs, type PodNetwork } from './plan-pod-cidrs.ts';

const ONLY_KEY = 'all nodes';

export async function startNodeIpamController(
  context: ControllerContext,
  network: PodNetwork,
): Promise<Loop> {
  const nodes = await context.caches.open<Node>('nodes');
  const complained = new Set<string>();
  const loop = startLoop({
    name: 'node-ipam',
    context,
    concurrency: 1,
    keys: () => [ONLY_KEY],
    async reconcile(_key, signal) {
      // While rebuilding, a node that comes back brings its slice with it: giving it to another would double it.
      if (!context.mayAct()) return;
      const plan = planPodCidrs(nodes.list(), network);
      const writes = plan.assigned.map((object): Write => ({ verb: 'update', object }));
      if (writes.length > 0) await applyAndWait(context, writes, signal);
      for (const node of plan.without) {
        const { name } = node.metadata;
        if (complained.has(name)) continue;
        complained.add(name);
        const message = `Node ${name} status is now: CIDRNotAvailable`;
        context.events.record({
          about: node,
          type: 'Normal',
          reason: 'CIDRNotAvailable',
          message,
          component: 'cidrAllocator',
        });
      }
    },
  });
  const subscription = nodes.subscribe(({ type, key, object }) => {
    if (type === 'DELETED') complained.delete(key);
    if (type === 'DELETED' || !object.spec.podCIDR) loop.queue.add(ONLY_KEY);
  });
  return {
    queue: loop.queue,
    async [Symbol.asyncDispose]() {
      subscription[Symbol.dispose]();
      await loop[Symbol.asyncDispose]();
    },
  };
}
