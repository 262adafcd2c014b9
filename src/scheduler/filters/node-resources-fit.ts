/**
 * Requests against free resources; every shortfall is named. Evictions do not help against a
 * request above the node's allocatable.
 */
import type { FilterPlugin, NodeInfo, PodInfo, Refusal } from '../types.ts';

export const nodeResourcesFit: FilterPlugin = {
  name: 'NodeResourcesFit',
  local: true,
  prepare: (pod) => ({
    refuse: (node) => shortfall(pod, node),
  }),
};

function shortfall(pod: PodInfo, node: NodeInfo): Refusal | undefined {
  let reasons: string[] | undefined;
  let resolvable = true;
  if (node.pods.length + 1 > node.maxPods) reasons = ['Too many pods'];
  for (const [resource, amount] of pod.requests) {
    if (amount <= 0) continue;
    const allocatable = node.allocatable.get(resource) ?? 0;
    if (amount <= allocatable - (node.requested.get(resource) ?? 0)) continue;
    (reasons ??= []).push(`Insufficient ${resource}`);
    if (amount > allocatable) resolvable = false;
  }
  return reasons ? { reasons, resolvable } : undefined;
}
