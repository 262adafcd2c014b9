/** Taints of effect NoSchedule and NoExecute that the pod does not tolerate. */
import { toleratesTaint } from '../../schemas/pods/tolerations.ts';
import type { FilterPlugin } from '../types.ts';

const REFUSAL = { reasons: ['node(s) had untolerated taint(s)'], resolvable: false };

export const taintToleration: FilterPlugin = {
  name: 'TaintToleration',
  local: true,
  prepare: (pod) => ({
    refuse: (node) =>
      node.taints.some(
        (taint) => taint.effect !== 'PreferNoSchedule' && !toleratesTaint(pod.tolerations, taint),
      )
        ? REFUSAL
        : undefined,
  }),
};
