/** Hard topology spread: a domain must not exceed the emptiest one by more than `maxSkew` pods. */
import { ownMember } from '../../base/json.ts';
import { countMatching, hasAllKeys, includesNode, ownConstraints } from '../spread.ts';
import type { FilterPlugin, NodeInfo, PodInfo, Refusal, SpreadConstraint } from '../types.ts';

const UNBALANCED = { reasons: ["node(s) didn't match pod topology spread constraints"], resolvable: true };
const MISSING_LABEL = {
  reasons: ["node(s) didn't match pod topology spread constraints (missing required label)"],
  resolvable: false,
};

export const podTopologySpread: FilterPlugin = {
  name: 'PodTopologySpread',
  prepare: (pod, snapshot) => {
    const constraints = ownConstraints(pod, true);
    if (constraints.length === 0) return undefined;
    const included = includesNode(pod);
    const domains = constraints.map(() => new Map<string, number>());
    for (const node of snapshot.nodes) {
      if (!hasAllKeys(node, constraints)) continue;
      constraints.forEach((constraint, index) => {
        if (!included(constraint, node)) return;
        const value = ownMember(node.labels, constraint.topologyKey) ?? '';
        const counts = domains[index] as Map<string, number>;
        counts.set(value, (counts.get(value) ?? 0) + countMatching(node, pod.namespace, constraint));
      });
    }
    const limits = constraints.map((constraint, index) =>
      limitOf(constraint, pod, domains[index] ?? new Map()),
    );
    const refuse = (
      node: NodeInfo,
      goneOf: (constraint: SpreadConstraint) => number,
    ): Refusal | undefined => {
      for (const limit of limits) {
        const value = ownMember(node.labels, limit.constraint.topologyKey);
        if (value === undefined) return MISSING_LABEL;
        if (exceeds(limit, value, goneOf(limit.constraint))) return UNBALANCED;
      }
      return undefined;
    };
    return {
      refuse: (node) => refuse(node, () => 0),
      refuseEmptied: (node, emptied) =>
        refuse(node, (constraint) =>
          hasAllKeys(node, constraints) && included(constraint, node)
            ? countMatching(node, pod.namespace, constraint) -
              countMatching(emptied, pod.namespace, constraint)
            : 0,
        ),
    };
  },
};

interface Limit {
  readonly constraint: SpreadConstraint;
  readonly counts: ReadonlyMap<string, number>;
  /** 1 when the pod counts itself. */
  readonly self: number;
  /** The two smallest counts, smallest first; both Infinity while there is no domain. */
  readonly emptiest: readonly [{ readonly value: string; readonly count: number }, number];
}

function limitOf(constraint: SpreadConstraint, pod: PodInfo, counts: ReadonlyMap<string, number>): Limit {
  let least = { value: '', count: Number.POSITIVE_INFINITY };
  let second = Number.POSITIVE_INFINITY;
  for (const [value, count] of counts) {
    if (count < least.count) {
      second = least.count;
      least = { value, count };
    } else if (count < second) second = count;
  }
  return { constraint, counts, self: constraint.selects(pod.labels) ? 1 : 0, emptiest: [least, second] };
}

/** Whether the domain would exceed the skew after this many of its matching pods were gone. */
function exceeds(
  { constraint, counts, self, emptiest: [least, second] }: Limit,
  value: string,
  gone: number,
): boolean {
  const count = (counts.get(value) ?? 0) - gone;
  const elsewhere = least.value === value ? second : least.count;
  const emptiest =
    counts.size < constraint.minDomains ? 0 : counts.has(value) ? Math.min(elsewhere, count) : least.count;
  return count > constraint.maxSkew + emptiest - self;
}
