/** The text of a refusal, as Kubernetes': `0/3 nodes are available: 2 Insufficient memory, 1 …`. */
import { type Placement, prepareFilters } from './schedule-pod.ts';
import { emptiedNode } from './snapshot.ts';
import type { NodeInfo, PodInfo, PreparedFilter, Refusal, Snapshot } from './types.ts';

const NOT_HELPFUL = 'Preemption is not helpful for scheduling';
const NO_VICTIMS = 'No preemption victims found for incoming pod';

export function explainRefusal(
  placement: Exclude<Placement, { type: 'placed' }>,
  pod: PodInfo,
  snapshot: Snapshot,
): string {
  if (snapshot.nodes.length === 0) return 'no nodes available to schedule pods';
  const available = `0/${snapshot.nodes.length} nodes are available: `;
  // Upstream appends its last plugin's error to the refusal of a whole pod; clients match on it.
  if (placement.type === 'refusedWhole') return `${available}${placement.reason}. not found`;
  const reasons = countReasons([...placement.refusals.values()].flatMap((refusal) => refusal.reasons));
  return `${available}${reasons}. ${explainPreemption(placement.refusals, pod, snapshot, available)}`;
}

/** The effect of evicting lower-priority pods. Preemption is not implemented. */
function explainPreemption(
  refusals: ReadonlyMap<string, Refusal>,
  pod: PodInfo,
  snapshot: Snapshot,
  available: string,
): string {
  const prefix = 'no new claims to deallocate, preemption: ';
  if (pod.spec.preemptionPolicy === 'Never') return `${prefix}not eligible due to preemptionPolicy=Never.`;
  const filter = prepareFilters(pod, snapshot);
  const reasons = [...refusals].flatMap(([name, refusal]) => {
    if (!refusal.resolvable) return [NOT_HELPFUL];
    const node = snapshot.byName.get(name);
    const hasVictims = node?.pods.some((other) => other.priority < pod.priority) ?? false;
    return node && hasVictims && !('whole' in filter)
      ? (refusalWithoutVictims(node, pod, filter)?.reasons ?? [NO_VICTIMS])
      : [NO_VICTIMS];
  });
  return `${prefix}${available}${countReasons(reasons)}.`;
}

/** Why the node would still refuse the pod if every pod of lower priority were gone from it. */
function refusalWithoutVictims(node: NodeInfo, pod: PodInfo, filter: PreparedFilter): Refusal | undefined {
  const emptied = emptiedNode(node, (other) => other.priority < pod.priority);
  return filter.refuseEmptied ? filter.refuseEmptied(node, emptied) : filter.refuse(emptied);
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
