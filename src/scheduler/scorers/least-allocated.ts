/** Prefers nodes with more free cpu and memory. Absent requests count 100m and 200Mi. */
import { MAX_NODE_SCORE } from '../types.ts';
import { localScorer } from './local-scorer.ts';

export const leastAllocated = localScorer({
  name: 'NodeResourcesFit',
  weight: 1,
  prepare:
    ({ nonZeroCpuMillis, nonZeroMemoryBytes }) =>
    (node) => {
      const cpu = node.allocatable.get('cpu') ?? 0;
      const memory = node.allocatable.get('memory') ?? 0;
      // A resource that the node does not have is left out of the mean.
      const counted = (cpu === 0 ? 0 : 1) + (memory === 0 ? 0 : 1);
      if (counted === 0) return 0;
      const free =
        freeShare(cpu, node.nonZeroCpuMillis + nonZeroCpuMillis) +
        freeShare(memory, node.nonZeroMemoryBytes + nonZeroMemoryBytes);
      return Math.floor(free / counted);
    },
});

function freeShare(allocatable: number, requested: number): number {
  return requested > allocatable || allocatable === 0
    ? 0
    : Math.floor(((allocatable - requested) * MAX_NODE_SCORE) / allocatable);
}
