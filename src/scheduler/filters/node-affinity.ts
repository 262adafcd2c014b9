/** `spec.nodeSelector` and required node affinity. */
import { requiredNodeNames, requiredNodePredicate } from '../node-selector.ts';
import type { FilterPlugin } from '../types.ts';

const NO_MATCH = { reasons: ["node(s) didn't match Pod's node affinity/selector"], resolvable: false };
/** Upstream's words for nodes that a `metadata.name` field rules out before any other filter is asked. */
const RULED_OUT_BY_NAME = { reasons: ["node(s) didn't satisfy plugin(s) [NodeAffinity]"], resolvable: false };

export const nodeAffinity: FilterPlugin = {
  name: 'NodeAffinity',
  prepare: (pod) => {
    const matches = requiredNodePredicate(pod);
    if (!matches) return undefined;
    const names = requiredNodeNames(pod);
    if (names?.size === 0) return { whole: 'pod affinity terms conflict' };
    return (node) => {
      if (names && !names.has(node.name)) return RULED_OUT_BY_NAME;
      return matches(node) ? undefined : NO_MATCH;
    };
  },
};
