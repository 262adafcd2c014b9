/**
 * Prefers domains with fewer matching pods, by own soft constraints or the built-in defaults. The
 * logarithm of the number of domains weights the counts, so that many small domains matter.
 */
import { ownMember } from '../../base/json.ts';
import {
  countMatching,
  defaultConstraints,
  HOSTNAME_KEY,
  hasAllKeys,
  includesNode,
  ownConstraints,
} from '../spread.ts';
import {
  MAX_NODE_SCORE,
  type NodeInfo,
  type PodInfo,
  type ScorePlugin,
  type Snapshot,
  type SpreadConstraint,
} from '../types.ts';

export const podTopologySpread: ScorePlugin = {
  name: 'PodTopologySpread',
  weight: 2,
  score: (pod, nodes, snapshot) => {
    const hasOwn = (pod.spec.topologySpreadConstraints ?? []).length > 0;
    const constraints = hasOwn ? ownConstraints(pod, false) : defaultConstraints(pod, snapshot);
    if (constraints.length === 0) return undefined;
    // The defaults tolerate nodes that lack a key (a cluster without zones); own constraints do
    // not.
    const ignored = new Set(hasOwn ? nodes.filter((node) => !hasAllKeys(node, constraints)) : []);
    const counts = constraints.map((c) =>
      domainCounts(pod, c, constraints, hasOwn, nodes, ignored, snapshot),
    );
    const raw = nodes.map((node) => (ignored.has(node) ? 0 : rawScore(node, pod, constraints, counts)));
    return invert(raw, nodes, ignored);
  },
};

interface DomainCounts {
  /** Empty for hostnames, which are counted on the node itself. */
  readonly byDomain: ReadonlyMap<string, number>;
  readonly weight: number;
}

function domainCounts(
  pod: PodInfo,
  constraint: SpreadConstraint,
  all: readonly SpreadConstraint[],
  requireAllKeys: boolean,
  nodes: readonly NodeInfo[],
  ignored: ReadonlySet<NodeInfo>,
  snapshot: Snapshot,
): DomainCounts {
  if (constraint.topologyKey === HOSTNAME_KEY) {
    return { byDomain: new Map(), weight: Math.log(nodes.length - ignored.size + 2) };
  }
  const byDomain = new Map<string, number>();
  for (const node of nodes) if (!ignored.has(node)) byDomain.set(domainOf(node, constraint), 0);
  const included = includesNode(pod);
  for (const node of snapshot.nodes) {
    if (requireAllKeys && !hasAllKeys(node, all)) continue;
    const domain = domainOf(node, constraint);
    const count = byDomain.get(domain);
    if (count === undefined || !included(constraint, node)) continue;
    byDomain.set(domain, count + countMatching(node, pod.namespace, constraint));
  }
  return { byDomain, weight: Math.log(byDomain.size + 2) };
}

/** Nodes without the key are one domain together, as upstream counts them. */
function domainOf(node: NodeInfo, constraint: SpreadConstraint): string {
  return ownMember(node.labels, constraint.topologyKey) ?? '';
}

function rawScore(
  node: NodeInfo,
  pod: PodInfo,
  constraints: readonly SpreadConstraint[],
  counts: readonly DomainCounts[],
): number {
  let score = 0;
  constraints.forEach((constraint, index) => {
    const domain = ownMember(node.labels, constraint.topologyKey);
    const counted = counts[index];
    if (domain === undefined || !counted) return;
    const count =
      constraint.topologyKey === HOSTNAME_KEY
        ? countMatching(node, pod.namespace, constraint)
        : (counted.byDomain.get(domain) ?? 0);
    score += count * counted.weight + (constraint.maxSkew - 1);
  });
  return Math.round(score);
}

/** Fewer matching pods is better. */
function invert(
  raw: readonly number[],
  nodes: readonly NodeInfo[],
  ignored: ReadonlySet<NodeInfo>,
): readonly number[] {
  const counted = raw.filter((_, index) => !ignored.has(nodes[index] as NodeInfo));
  const max = Math.max(0, ...counted);
  const min = Math.min(...counted);
  return raw.map((score, index) => {
    if (ignored.has(nodes[index] as NodeInfo)) return 0;
    return max === 0 ? MAX_NODE_SCORE : Math.floor((MAX_NODE_SCORE * (max + min - score)) / max);
  });
}
