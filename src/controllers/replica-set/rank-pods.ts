/**
 * The order in which a ReplicaSet deletes pods: upstream's ActivePodsWithRanks, pure. Unassigned,
 * not running, not ready, cheap, crowded, young and often restarted pods go before others.
 */
import { compareText } from '../../base/text.ts';
import { isReady, parseTime, readySinceMs } from '../pod-facts.ts';
import type { Pod } from '../../schemas/types.ts';

export const DELETION_COST_ANNOTATION = 'controller.kubernetes.io/pod-deletion-cost';

const PHASE_ORDER: Readonly<Record<string, number>> = { Pending: 0, Unknown: 1, Running: 2 };

type Compare = (a: Pod, b: Pod) => number;

/** `related` are the pods of every ReplicaSet of the same owner. */
export function rankForDeletion(
  pods: readonly Pod[],
  related: readonly Pod[],
  nowMs: number,
): readonly Pod[] {
  const onNode = new Map<string, number>();
  for (const pod of related) {
    const node = pod.spec.nodeName ?? '';
    onNode.set(node, (onNode.get(node) ?? 0) + 1);
  }
  const crowd = (pod: Pod): number => onNode.get(pod.spec.nodeName ?? '') ?? 0;
  const rules: readonly Compare[] = [
    (a, b) => Number(Boolean(a.spec.nodeName)) - Number(Boolean(b.spec.nodeName)),
    (a, b) => phaseOrder(a) - phaseOrder(b),
    (a, b) => Number(isReady(a)) - Number(isReady(b)),
    (a, b) => deletionCost(a) - deletionCost(b),
    (a, b) => crowd(b) - crowd(a),
    (a, b) => compareAge(readySinceMs, a, b, nowMs),
    (a, b) => maxRestarts(b) - maxRestarts(a),
    (a, b) => compareAge(({ metadata }) => parseTime(metadata.creationTimestamp), a, b, nowMs),
    (a, b) => compareText(a.metadata.name, b.metadata.name),
  ];
  return [...pods].sort((a, b) => rules.reduce((order, rule) => order || rule(a, b), 0));
}

function phaseOrder(pod: Pod): number {
  return PHASE_ORDER[pod.status?.phase ?? 'Pending'] ?? 0;
}

/** Zero where there is none or it is no 32-bit integer. */
function deletionCost(pod: Pod): number {
  const text = pod.metadata.annotations?.[DELETION_COST_ANNOTATION] ?? '0';
  if (!/^-?(0|[1-9]\d*)$/.test(text)) return 0;
  const cost = Number(text);
  return Math.abs(cost) <= 2_147_483_647 ? cost : 0;
}

/**
 * Younger goes first. Ages are compared by their logarithm, so that the random uid breaks ties of a
 * generation instead of one failure domain. Empty time sorts first; both empty or equal is a tie.
 */
function compareAge(timeOf: (pod: Pod) => number | undefined, podA: Pod, podB: Pod, nowMs: number): number {
  const [a, b] = [timeOf(podA), timeOf(podB)];
  if (a === b) return 0;
  if (a === undefined) return -1;
  if (b === undefined) return 1;
  const rank = ageRank(a, nowMs) - ageRank(b, nowMs);
  return rank === 0 ? compareText(podA.metadata.uid ?? '', podB.metadata.uid ?? '') : rank;
}

/** floor(log2) of the age in nanoseconds, as upstream. */
function ageRank(sinceMs: number, nowMs: number): number {
  const ageMs = nowMs - sinceMs;
  return ageMs > 0 ? Math.floor(Math.log2(ageMs * 1_000_000)) : -1;
}

function maxRestarts(pod: Pod): number {
  return Math.max(0, ...(pod.status?.containerStatuses ?? []).map((status) => status.restartCount));
}
