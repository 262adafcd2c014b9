/** `spec.nodeName`, for pods that ask for a node while the scheduler looks at them. */
import type { FilterPlugin } from '../types.ts';

const REFUSAL = { reasons: ["node(s) didn't match the requested node name"], resolvable: false };

export const nodeName: FilterPlugin = {
  name: 'NodeName',
  local: true,
  prepare: (pod) => {
    const wanted = pod.pod.spec.nodeName;
    if (wanted === undefined || wanted === '') return undefined;
    return { refuse: (node) => (node.name === wanted ? undefined : REFUSAL) };
  },
};
