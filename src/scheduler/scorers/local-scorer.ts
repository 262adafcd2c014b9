/** A scorer whose score of a node depends on the pod and that node alone. */
import type { NodeScore, PodInfo, ScorePlugin, Snapshot } from '../types.ts';

export function localScorer(plugin: {
  readonly name: string;
  readonly weight: number;
  /** Computed once per kind of pod. Undefined: nothing to say about this pod. */
  prepare(pod: PodInfo, snapshot: Snapshot): NodeScore | undefined;
}): ScorePlugin {
  return {
    ...plugin,
    score: (pod, nodes, snapshot) => {
      const scoreOf = plugin.prepare(pod, snapshot);
      return scoreOf && nodes.map(scoreOf);
    },
  };
}
