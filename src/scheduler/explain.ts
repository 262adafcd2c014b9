/** The text of a refusal, in Kubernetes' wording: `0/3 nodes are available: 2 Insufficient memory, 1 …`. */
import type { Placement } from './schedule-pod.ts';
import type { PodInfo, Refusal } from './types.ts';

const NOT_HELPFUL = 'Preemption is not helpful for scheduling';
const NO_VICTIMS = 'No preemption victims found for incoming pod';

export function explainRefusal(
  placement: Exclude<Placement, { type: 'placed' }>,
  pod: PodInfo,
  nodeCount: number,
): string {
  if (nodeCount === 0) return 'no nodes available to schedule pods';
  const available = `0/${nodeCount} nodes are available: `;
  // Upstream appends the error of its last plugin to a refusal of the whole pod; clients match on this text.
  if (placement.type === 'refusedWhole') return `${available}${placement.reason}. not found`;
  const refusals = [...placement.refusals.values()];
  const reasons = countReasons(refusals.flatMap((refusal) => refusal.reasons));
  return `${available}${reasons}. ${explainPreemption(refusals, pod, available)}`;
}

/** Victims are not evicted for a pending pod yet, so a resolvable refusal has found none. */
function explainPreemption(refusals: readonly Refusal[], pod: PodInfo, available: string): string {
  const prefix = 'no new claims to deallocate, preemption: ';
  if (pod.pod.spec.preemptionPolicy === 'Never')
    return `${prefix}not eligible due to preemptionPolicy=Never.`;
  const reasons = refusals.map((refusal) => (refusal.resolvable ? NO_VICTIMS : NOT_HELPFUL));
  return `${prefix}${available}${countReasons(reasons)}.`;
}

/** `1 a, 2 b`: sorted as strings, counts included, as upstream does. */
function countReasons(reasons: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return [...counts.entries()]
    .map(([reason, count]) => `${count} ${reason}`)
    .sort()
    .join(', ');
}
