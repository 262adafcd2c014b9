/**
 * Prefers nodes whose cpu and memory this pod evens out: 50 is neutral (upstream's formula since
 * 1.36).
 */
import type { NodeInfo } from '../types.ts';
import { localScorer } from './local-scorer.ts';

export const balancedAllocation = localScorer({
  name: 'NodeResourcesBalancedAllocation',
  weight: 1,
  prepare: ({ requests }) => {
    const cpuMillis = requests.get('cpu') ?? 0;
    const memoryBytes = requests.get('memory') ?? 0;
    if (cpuMillis === 0 && memoryBytes === 0) return undefined;
    return (node) =>
      50 + Math.trunc((50 + evenness(node, cpuMillis, memoryBytes) - evenness(node, 0, 0)) / 2);
  },
});

/** 100 if both resources are used in the same share (or there is only one), less otherwise. */
function evenness(node: NodeInfo, cpuMillis: number, memoryBytes: number): number {
  const cpu = node.allocatable.get('cpu') ?? 0;
  const memory = node.allocatable.get('memory') ?? 0;
  if (cpu === 0 || memory === 0) return 100;
  const cpuShare = Math.min(1, ((node.requested.get('cpu') ?? 0) + cpuMillis) / cpu);
  const memoryShare = Math.min(1, ((node.requested.get('memory') ?? 0) + memoryBytes) / memory);
  return Math.trunc((1 - Math.abs(cpuShare - memoryShare) / 2) * 100);
}
