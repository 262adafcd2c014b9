/** Hard topology spread: placing the pod must not raise a domain more than `maxSkew` above the emptiest one. */
import { ownMember } from '../../base/json.ts';
import { countMatching, hasAllKeys, includesNode, ownConstraints } from '../spread.ts';
import type { FilterPlugin } from '../types.ts';

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
    const limits = constraints.map((constraint, index) => {
      const counts = domains[index] as Map<string, number>;
      const emptiest = counts.size < constraint.minDomains ? 0 : Math.min(...counts.values());
      const self = constraint.selects(pod.labels) ? 1 : 0;
      return { key: constraint.topologyKey, counts, atMost: constraint.maxSkew + emptiest - self };
    });
    return {
      refuse: (node) => {
        for (const { key, counts, atMost } of limits) {
          const value = ownMember(node.labels, key);
          if (value === undefined) return MISSING_LABEL;
          if ((counts.get(value) ?? 0) > atMost) return UNBALANCED;
        }
        return undefined;
      },
    };
  },
};
