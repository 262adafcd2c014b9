/**
 * Prefers nodes whose cpu and memory are used in equal shares *because of* this pod: 50 is neutral, more means that the
 * pod evens the node out (upstream's formula since 1.36).
 */
import type { NodeInfo, PodInfo, ScorePlugin } from '../types.ts';

const RESOURCES = ['cpu', 'memory'] as const;

export const balancedAllocation: ScorePlugin = {
  name: 'NodeResourcesBalancedAllocation',
  weight: 1,
  local: true,
  score: (pod, nodes) => {
    if (RESOURCES.every((resource) => (pod.requests.get(resource) ?? 0) === 0)) return undefined;
    return nodes.map((node) => 50 + Math.trunc((50 + evenness(node, pod) - evenness(node, undefined)) / 2));
  },
};

/** 100 when all resources are used in the same share, less the further the shares lie apart. */
function evenness(node: NodeInfo, pod: PodInfo | undefined): number {
  const shares: number[] = [];
  for (const resource of RESOURCES) {
    const allocatable = node.allocatable.get(resource) ?? 0;
    if (allocatable === 0) continue;
    const used = (node.requested.get(resource) ?? 0) + (pod?.requests.get(resource) ?? 0);
    shares.push(Math.min(1, used / allocatable));
  }
  const [first = 0, second = first] = shares;
  return Math.trunc((1 - Math.abs(first - second) / 2) * 100);
}
