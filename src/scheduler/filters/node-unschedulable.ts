/** `spec.unschedulable` (cordon), unless the pod tolerates the taint that stands for it. */
import { toleratesTaint } from '../../schemas/pods/tolerations.ts';
import type { FilterPlugin } from '../types.ts';

const CORDON_TAINT = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' } as const;
const REFUSAL = { reasons: ['node(s) were unschedulable'], resolvable: false };

export const nodeUnschedulable: FilterPlugin = {
  name: 'NodeUnschedulable',
  local: true,
  prepare: (pod) => {
    if (toleratesTaint(pod.tolerations, CORDON_TAINT)) return undefined;
    return { refuse: (node) => (node.unschedulable ? REFUSAL : undefined) };
  },
};
