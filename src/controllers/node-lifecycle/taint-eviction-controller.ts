/** Runs {@link planTaintEviction} for each pod on a node with NoExecute taints. */
import { keyOf } from '../../schemas/object.ts';
import type { Node, Pod } from '../../schemas/types.ts';
import type { Controller, Reconciler } from '../controller.ts';
import { podsOnNode } from '../indexes.ts';
import { indexByNode } from '../../store/cache/indexes.ts';
import { mayEvictFrom } from './plan-node-health.ts';
import {
  planTaintEviction,
  TAINT_EVENTS,
  type TaintEvictionPlan,
  type TaintEvictionView,
} from './plan-taint-eviction.ts';

/** Agents have noticed by then that a server is gone, and have opened a tunnel to another one. */
const REUNION_MS = 15_000;

export const taintEviction = ({ gracePeriodMs }: { readonly gracePeriodMs: number }): Controller => ({
  name: 'taint-eviction',
  async open({ caches, clock, mayAct }, scope): Promise<Reconciler<TaintEvictionView, TaintEvictionPlan>> {
    const nodes = await caches.open<Node>('nodes');
    const pods = await caches.open<Pod>('pods');
    indexByNode(pods);
    const since = new Map<string, number>();

    const isTainted = (node: Node | undefined): boolean =>
      node?.spec.taints?.some(({ effect }) => effect === 'NoExecute') === true;
    const startedAtMs = clock.now();
    /** Taints of an earlier term. Until agents had time to be heard, they say nothing of today. */
    const inherited = new Set(
      nodes
        .list()
        .filter(isTainted)
        .map(({ metadata }) => metadata.name),
    );
    const settledAtMs = (node: string): number =>
      inherited.has(node) ? startedAtMs + Math.max(gracePeriodMs, REUNION_MS) : startedAtMs;
    /** On any other node nothing is to be done; a taint that comes brings its pods here. */
    const isConcerned = (pod: Pod): boolean =>
      since.has(keyOf(pod)) || isTainted(nodes.get(pod.spec.nodeName ?? ''));
    scope.on(pods, ({ key, object }) => (isConcerned(object) ? [key] : []));
    scope.on(nodes, ({ key, object, previous }) =>
      isTainted(object) || isTainted(previous) ? podsOnNode(pods, key).map(keyOf) : [],
    );
    // A node that recovers may release the brakes for the pods of all others.
    scope.on(nodes, ({ object, previous }) => {
      const isNews = previous && object.status?.conditions !== previous.status?.conditions;
      return isNews && mayEvictFrom(nodes.list()) ? [...since.keys()] : [];
    });
    return {
      events: TAINT_EVENTS,
      keys: () => pods.list().filter(isConcerned).map(keyOf),
      observe(key) {
        const pod = pods.get(key);
        if (!pod?.spec.nodeName || !mayAct()) return void since.delete(key);
        return {
          pod,
          node: nodes.get(pod.spec.nodeName),
          sinceMs: since.get(key),
          settledAtMs: settledAtMs(pod.spec.nodeName),
          mayEvictForHealth: mayEvictFrom(nodes.list()),
        };
      },
      plan: planTaintEviction,
      after({ sinceMs }, key) {
        if (sinceMs === undefined) since.delete(key);
        else since.set(key, sinceMs);
      },
    };
  },
});
