/** One pod, one snapshot → a node, or every reason why not. */
import type { Rng } from '../base/rng.ts';
import { filters } from './filters/index.ts';
import { scorers } from './scorers/index.ts';
import type { NodeFilter, NodeInfo, PodInfo, Refusal, ScorePlugin, Snapshot } from './types.ts';

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

/** Asks every filter about every node; the first filter that refuses a node names the reason. */
export function findFeasible(pod: PodInfo, snapshot: Snapshot): Feasibility {
  const prepared: Exclude<NodeFilter, { whole: string }>[] = [];
  for (const plugin of filters) {
    const filter = plugin.prepare(pod, snapshot);
    if (filter === undefined) continue;
    if (typeof filter !== 'function') return { feasible: [], refusals: new Map(), whole: filter.whole };
    prepared.push(filter);
  }
  const feasible: NodeInfo[] = [];
  const refusals = new Map<string, Refusal>();
  for (const node of snapshot.nodes) {
    const refusal = firstRefusal(prepared, node);
    if (refusal) refusals.set(node.name, refusal);
    else feasible.push(node);
  }
  return { feasible, refusals };
}

function firstRefusal(
  prepared: readonly ((node: NodeInfo) => Refusal | undefined)[],
  node: NodeInfo,
): Refusal | undefined {
  for (const filter of prepared) {
    const refusal = filter(node);
    if (refusal) return refusal;
  }
  return undefined;
}

export interface ScoredNodes {
  readonly totals: readonly number[];
  /** Weighted scores of each plugin that had something to say. */
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

/** The best-scored feasible node; ties are broken by `rng`, so that equal nodes fill evenly. */
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
