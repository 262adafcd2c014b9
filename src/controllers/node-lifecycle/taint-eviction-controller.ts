/** Runs {@link planTaintEviction} for each pod on a node with NoExecute taints. */
import { keyOf } from '../../schemas/object.ts';
import type { Node, Pod } from '../../schemas/types.ts';
import { type ControllerContext, execute, type Loop, startLoop } from '../controller.ts';
import { indexByNode, NODE_INDEX } from '../indexes.ts';
import { mayEvictFrom } from './plan-node-health.ts';
import { planTaintEviction } from './plan-taint-eviction.ts';

export async function startTaintEvictionController(
  context: ControllerContext,
  options: { readonly gracePeriodMs: number },
): Promise<Loop> {
  const { clock, caches } = context;
  const nodes = await caches.open<Node>('nodes');
  const pods = await caches.open<Pod>('pods');
  indexByNode(pods);
  const since = new Map<string, number>();
  /** Before a full grace period has passed nobody can say whether a silent node is silent. */
  const settledAtMs = clock.now() + options.gracePeriodMs;

  const loop = startLoop({
    name: 'taint-eviction',
    context,
    keys: () => pods.list().map(keyOf),
    async reconcile(key, signal) {
      const pod = pods.get(key);
      if (!pod?.spec.nodeName) return void since.delete(key);
      if (!context.mayAct()) return void since.delete(key);
      const nowMs = clock.now();
      const settled = nowMs >= settledAtMs;
      const plan = planTaintEviction({
        pod,
        node: nodes.get(pod.spec.nodeName),
        sinceMs: since.get(key),
        nowMs,
        mayEvictForHealth: settled && mayEvictFrom(nodes.list()),
      });
      const requeue = await execute(context, plan, signal);
      if (plan.sinceMs === undefined) since.delete(key);
      else since.set(key, plan.sinceMs);
      if (!requeue && plan.sinceMs !== undefined && !settled) return { requeueAfterMs: settledAtMs - nowMs };
      return requeue;
    },
  });

  const subscriptions = [
    pods.subscribe(({ type, key, object }) => {
      if (type === 'DELETED') since.delete(key);
      else if (object.spec.nodeName) loop.queue.add(key);
    }),
    nodes.subscribe(({ key, object, previous }) => {
      const isTainted = (node: Node | undefined): boolean =>
        node?.spec.taints?.some(({ effect }) => effect === 'NoExecute') === true;
      if (!isTainted(object) && !isTainted(previous)) return;
      for (const pod of pods.byIndex(NODE_INDEX, key)) loop.queue.add(keyOf(pod));
    }),
    // A node that recovers may release the brakes for the pods of all others.
    nodes.subscribe(({ object, previous }) => {
      if (!previous || !mayEvictFrom(nodes.list())) return;
      if (object.status?.conditions === previous.status?.conditions) return;
      for (const key of since.keys()) loop.queue.add(key);
    }),
  ];
  return {
    queue: loop.queue,
    async [Symbol.asyncDispose]() {
      for (const subscription of subscriptions) subscription[Symbol.dispose]();
      await loop[Symbol.asyncDispose]();
    },
  };
}
