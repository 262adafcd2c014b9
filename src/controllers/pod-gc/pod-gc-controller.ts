/** Runs {@link planPodGc} every now and then. Nothing is collected while the store is being rebuilt. */
import { keyOf } from '../../schemas/object.ts';
import type { Node, Pod } from '../../schemas/types.ts';
import { applyAndWait, type ControllerContext, type Loop, startLoop } from '../controller.ts';
import { planPodGc } from './plan-pod-gc.ts';

/** As upstream. */
const PERIOD_MS = 20_000;
const ONLY_KEY = 'all pods';

export async function startPodGc(context: ControllerContext): Promise<Loop> {
  const { clock, caches, store } = context;
  const nodes = await caches.open<Node>('nodes');
  const pods = await caches.open<Pod>('pods');
  const missingSince = new Map<string, number>();

  return startLoop({
    name: 'pod-gc',
    context,
    concurrency: 1,
    resyncMs: PERIOD_MS,
    keys: () => [ONLY_KEY],
    async reconcile(_key, signal) {
      if (!context.mayAct()) return missingSince.clear();
      await trackMissingNodes();
      const plan = planPodGc({
        pods: pods.list(),
        nodes: new Map(nodes.list().map((node) => [keyOf(node), node])),
        missingSinceMs: missingSince,
        nowMs: clock.now(),
      });
      if (plan.marks.length > 0) await applyAndWait(context, plan.marks, signal);
      if (plan.deletions.length > 0) await applyAndWait(context, plan.deletions, signal);
      return plan.marks.length > 0 ? { requeueAfterMs: 0 } : undefined;
    },
  });

  async function trackMissingNodes(): Promise<void> {
    const bound = new Set(pods.list().flatMap((pod) => pod.spec.nodeName ?? []));
    for (const name of missingSince.keys())
      if (!bound.has(name) || nodes.get(name)) missingSince.delete(name);
    for (const name of bound) {
      if (nodes.get(name)) continue;
      if (await store.get('nodes', name)) missingSince.delete(name);
      else if (!missingSince.has(name)) missingSince.set(name, clock.now());
    }
  }
}
