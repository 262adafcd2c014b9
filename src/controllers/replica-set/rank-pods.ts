/**
 * The order in which a ReplicaSet deletes pods: upstream's ActivePodsWithRanks, pure. Unassigned,
 * not running, not ready, cheap, crowded, young and often restarted pods go before others.
 */
import { compareText } from '../../base/text.ts';
import { isReady, parseTime, readySinceMs } from '../pod-facts.ts';
import type { Pod } from '../../schemas/types.ts';

export const DELETION_COST_ANNOTATION = 'controller.kubernetes.io/pod-deletion-cost';

const PHASE_ORDER: Readonly<Record<string, number>> = { Pending: 0, Unknown: 1, Running: 2 };

/** The facts that decide, read once: a sort asks for each of them some twenty times. */
interface Candidate {
  readonly pod: Pod;
  readonly isAssigned: boolean;
  readonly phase: number;
  readonly isReady: boolean;
  readonly cost: number;
  readonly crowd: number;
  readonly readySinceMs: number | undefined;
  readonly restarts: number;
  readonly createdMs: number | undefined;
}

type Compare = (a: Candidate, b: Candidate) => number;

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
  const candidates = pods.map(
    (pod): Candidate => ({
      pod,
      isAssigned: Boolean(pod.spec.nodeName),
      phase: phaseOrder(pod),
      isReady: isReady(pod),
      cost: deletionCost(pod),
      crowd: onNode.get(pod.spec.nodeName ?? '') ?? 0,
      readySinceMs: readySinceMs(pod),
      restarts: maxRestarts(pod),
      createdMs: parseTime(pod.metadata.creationTimestamp),
    }),
  );
  const rules: readonly Compare[] = [
    (a, b) => Number(a.isAssigned) - Number(b.isAssigned),
    (a, b) => a.phase - b.phase,
    (a, b) => Number(a.isReady) - Number(b.isReady),
    (a, b) => a.cost - b.cost,
    (a, b) => b.crowd - a.crowd,
    (a, b) => compareAge(a, b, a.readySinceMs, b.readySinceMs, nowMs),
    (a, b) => b.restarts - a.restarts,
    (a, b) => compareAge(a, b, a.createdMs, b.createdMs, nowMs),
    (a, b) => compareText(a.pod.metadata.name, b.pod.metadata.name),
  ];
  function compare(a: Candidate, b: Candidate): number {
    for (const rule of rules) {
      const order = rule(a, b);
      if (order !== 0) return order;
    }
    return 0;
  }
  return candidates.sort(compare).map(({ pod }) => pod);
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
function compareAge(
  podA: Candidate,
  podB: Candidate,
  a: number | undefined,
  b: number | undefined,
  nowMs: number,
): number {
  if (a === b) return 0;
  if (a === undefined) return -1;
  if (b === undefined) return 1;
  const rank = ageRank(a, nowMs) - ageRank(b, nowMs);
  return rank === 0 ? compareText(podA.pod.metadata.uid ?? '', podB.pod.metadata.uid ?? '') : rank;
}

/** floor(log2) of the age in nanoseconds, as upstream. */
function ageRank(sinceMs: number, nowMs: number): number {
  const ageMs = nowMs - sinceMs;
  return ageMs > 0 ? Math.floor(Math.log2(ageMs * 1_000_000)) : -1;
}

function maxRestarts(pod: Pod): number {
  return Math.max(0, ...(pod.status?.containerStatuses ?? []).map((status) => status.restartCount));
}
