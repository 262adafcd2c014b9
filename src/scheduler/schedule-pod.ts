/** One pod, one snapshot → a node, or every reason why not. */
import type { Rng } from '../base/rng.ts';
import { filters } from './filters/index.ts';
import { scorers } from './scorers/index.ts';
import type {
  NodeFilter,
  NodeInfo,
  PodInfo,
  PreparedFilter,
  Refusal,
  ScorePlugin,
  Snapshot,
} from './types.ts';

export type Placement =
  | { readonly type: 'placed'; readonly node: NodeInfo }
  | { readonly type: 'refused'; readonly refusals: ReadonlyMap<string, Refusal> }
  /** Refused on every node for one reason. */
  | { readonly type: 'refusedWhole'; readonly reason: string };

export interface Feasibility {
  readonly feasible: readonly NodeInfo[];
  readonly refusals: ReadonlyMap<string, Refusal>;
  readonly whole?: string;
}

/** Upstream's words for nodes that a `metadata.name` field rules out before any filter. */
const RULED_OUT_BY_NAME: Refusal = {
  reasons: ["node(s) didn't satisfy plugin(s) [NodeAffinity]"],
  resolvable: false,
};

/** Asks every filter about every node. The first that refuses a node names the reason. */
export function findFeasible(pod: PodInfo, snapshot: Snapshot): Feasibility {
  const prepared = prepareFilters(pod, snapshot);
  if ('whole' in prepared) return { feasible: [], refusals: new Map(), whole: prepared.whole };
  const feasible: NodeInfo[] = [];
  const refusals = new Map<string, Refusal>();
  for (const node of snapshot.nodes) {
    const refusal = prepared.refuse(node);
    if (refusal) refusals.set(node.name, refusal);
    else feasible.push(node);
  }
  return { feasible, refusals };
}

/** All filters as one. */
export function prepareFilters(pod: PodInfo, snapshot: Snapshot): NodeFilter {
  const prepared: PreparedFilter[] = [];
  for (const plugin of filters) {
    const filter = plugin.prepare(pod, snapshot);
    if (filter === undefined) continue;
    if ('whole' in filter) return filter;
    prepared.push(filter);
  }
  const named = prepared.flatMap((filter) => (filter.onlyNodes ? [filter.onlyNodes] : []));
  const first = (
    node: NodeInfo,
    ask: (filter: PreparedFilter) => Refusal | undefined,
  ): Refusal | undefined => {
    if (named.some((names) => !names.has(node.name))) return RULED_OUT_BY_NAME;
    for (const filter of prepared) {
      const refusal = ask(filter);
      if (refusal) return refusal;
    }
    return undefined;
  };
  return {
    refuse: (node) => first(node, (filter) => filter.refuse(node)),
    refuseEmptied: (node, emptied) =>
      first(node, (filter) =>
        filter.refuseEmptied ? filter.refuseEmptied(node, emptied) : filter.refuse(emptied),
      ),
  };
}

export interface ScoredNodes {
  readonly totals: readonly number[];
  /** Weighted scores of each plugin that scored. */
  readonly byPlugin: readonly { readonly plugin: ScorePlugin; readonly weighted: readonly number[] }[];
}

export function scoreNodes(pod: PodInfo, nodes: readonly NodeInfo[], snapshot: Snapshot): ScoredNodes {
  const totals = nodes.map(() => 0);
  const byPlugin: { plugin: ScorePlugin; weighted: readonly number[] }[] = [];
  for (const plugin of scorers) {
    const scores = plugin.score(pod, nodes, snapshot);
    if (!scores) continue;
    const weighted = scores.map((score) => score * plugin.weight);
    weighted.forEach((score, index) => {
      totals[index] = (totals[index] ?? 0) + score;
    });
    byPlugin.push({ plugin, weighted });
  }
  return { totals, byPlugin };
}

/** The best-scored feasible node. `rng` breaks ties, so that equal nodes fill evenly. */
export function schedulePod(pod: PodInfo, snapshot: Snapshot, rng: Rng): Placement {
  const { feasible, refusals, whole } = findFeasible(pod, snapshot);
  if (whole !== undefined) return { type: 'refusedWhole', reason: whole };
  const [only] = feasible;
  if (!only) return { type: 'refused', refusals };
  if (feasible.length === 1) return { type: 'placed', node: only };
  const { totals } = scoreNodes(pod, feasible, snapshot);
  const best = Math.max(...totals);
  const candidates = feasible.filter((_, index) => totals[index] === best);
  return { type: 'placed', node: candidates[Math.floor(rng.next() * candidates.length)] ?? only };
}
