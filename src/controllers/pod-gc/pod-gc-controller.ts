/** Runs {@link planPodGc} at intervals. */
import { keyOf } from '../../schemas/object.ts';
import type { Node, Pod } from '../../schemas/types.ts';
import type { Controller, Reconciler } from '../controller.ts';
import { planPodGc, type PodGcView } from './plan-pod-gc.ts';

/** As upstream. */
const PERIOD_MS = 20_000;
const ONLY_KEY = 'all pods';

export const podGc: Controller = {
  name: 'pod-gc',
  async open({ caches, clock, mayAct, store }): Promise<Reconciler<PodGcView>> {
    const nodes = await caches.open<Node>('nodes');
    const pods = await caches.open<Pod>('pods');
    const missingSince = new Map<string, number>();

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

    return {
      concurrency: 1,
      resyncMs: PERIOD_MS,
      keys: () => [ONLY_KEY],
      async observe() {
        if (mayAct()) await trackMissingNodes();
        // Asked after that wait; a node that is missing is timed anew when the store is rebuilt.
        if (!mayAct()) {
          missingSince.clear();
          return undefined;
        }
        return {
          pods: pods.list(),
          nodes: new Map(nodes.list().map((node) => [keyOf(node), node])),
          missingSinceMs: missingSince,
        };
      },
      plan: planPodGc,
    };
  },
};
