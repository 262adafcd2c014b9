/** Prefers nodes with fewer PreferNoSchedule taints that the pod does not tolerate. */
import { toleratesTaint } from '../../schemas/pods/tolerations.ts';
import type { ScorePlugin } from '../types.ts';
import { normaliseByMax } from './normalise.ts';

export const taintToleration: ScorePlugin = {
  name: 'TaintToleration',
  weight: 3,
  score: (pod, nodes) => {
    const soft = pod.tolerations.filter((t) => !t.effect || t.effect === 'PreferNoSchedule');
    const raw = nodes.map(
      (node) =>
        node.taints.filter((taint) => taint.effect === 'PreferNoSchedule' && !toleratesTaint(soft, taint))
          .length,
    );
    return normaliseByMax(raw, true);
  },
};
