/** `spec.nodeSelector` and required node affinity. */
import { requiredNodeNames, requiredNodePredicate } from '../../schemas/pods/node-selector.ts';
import type { FilterPlugin, NodeInfo } from '../types.ts';

const NO_MATCH = { reasons: ["node(s) didn't match Pod's node affinity/selector"], resolvable: false };

export const nodeAffinity: FilterPlugin = {
  name: 'NodeAffinity',
  local: true,
  prepare: (pod) => {
    const matches = requiredNodePredicate(pod);
    if (!matches) return undefined;
    const onlyNodes = requiredNodeNames(pod);
    if (onlyNodes?.size === 0) return { whole: 'pod affinity terms conflict' };
    const refuse = (node: NodeInfo) => (matches(node) ? undefined : NO_MATCH);
    return onlyNodes ? { refuse, onlyNodes } : { refuse };
  },
};
