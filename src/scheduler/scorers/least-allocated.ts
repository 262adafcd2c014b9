/** Prefers nodes where more of cpu and memory stays free. Containers without requests count 100m and 200Mi. */
import { MAX_NODE_SCORE, type ScorePlugin } from '../types.ts';

export const leastAllocated: ScorePlugin = {
  name: 'NodeResourcesFit',
  weight: 1,
  local: true,
  score: (pod, nodes) =>
    nodes.map((node) => {
      const scores = [
        freeShare(node.allocatable.get('cpu') ?? 0, node.nonZeroCpuMillis + pod.nonZeroCpuMillis),
        freeShare(node.allocatable.get('memory') ?? 0, node.nonZeroMemoryBytes + pod.nonZeroMemoryBytes),
      ].filter((score) => score !== undefined);
      return scores.length === 0
        ? 0
        : Math.floor(scores.reduce((sum, score) => sum + score, 0) / scores.length);
    }),
};

function freeShare(allocatable: number, requested: number): number | undefined {
  if (allocatable === 0) return undefined;
  return requested > allocatable ? 0 : Math.floor(((allocatable - requested) * MAX_NODE_SCORE) / allocatable);
}
