/**
 * Pods on which no agent will report again: their node is gone or out of service, they were deleted
 * before they were bound, or they ended and are far too many. Upstream's podgc, pure.
 */
import { compareText } from '../../base/text.ts';
import type { Node, Pod } from '../../schemas/types.ts';
import type { Write } from '../../resources/writing/write-plan.ts';
import { withDisruption } from '../node-lifecycle/plan-taint-eviction.ts';
import { isNodeReady, OUT_OF_SERVICE } from '../node-lifecycle/plan-node-health.ts';
import type { Plan } from '../controller.ts';
import { deletionOf, isDeleting, statusUpdate } from '../ownership.ts';
import { isTerminal } from '../pod-facts.ts';

/** A node must have been missing this long before its pods are: registrations race with pods. */
export const MISSING_NODE_QUARANTINE_MS = 40_000;

/** kube-controller-manager's --terminated-pod-gc-threshold. */
export const TERMINATED_LIMIT = 12_500;

/** Pods written in one commit. */
const COMMIT_SIZE = 500;

export interface PodGcView {
  readonly pods: readonly Pod[];
  readonly nodes: ReadonlyMap<string, Node>;
  /** Since when we have missed a node that pods are bound to; verified against the store itself. */
  readonly missingSinceMs: ReadonlyMap<string, number>;
}

/** Writes down reasons and phases first; the next plan deletes these pods without grace. */
export function planPodGc(view: PodGcView, nowMs: number): Plan {
  const marks: Write[] = [];
  const doomed = new Set<Pod>(excessTerminated(view.pods));
  for (const pod of view.pods) {
    const why = reasonOf(pod, view, nowMs);
    if (!why) continue;
    const marked = asFailed(pod, why, nowMs);
    if (marked) marks.push(statusUpdate(marked));
    else doomed.add(pod);
  }
  const marking = new Set(marks.map(({ object }) => object.metadata.uid));
  const deletions = [...doomed]
    .filter(({ metadata }) => !marking.has(metadata.uid))
    .map((pod) => deletionOf(pod, { gracePeriodSeconds: 0 }));
  const again = marks.length > 0 ? { requeueAfterMs: 0 } : {};
  return { writes: [...marks, ...deletions], commitSize: COMMIT_SIZE, ...again };
}

type Reason = 'nodeGone' | 'neverBound' | 'outOfService';

function reasonOf(pod: Pod, { nodes, missingSinceMs }: PodGcView, nowMs: number): Reason | undefined {
  const { nodeName } = pod.spec;
  if (!nodeName) return isDeleting(pod) ? 'neverBound' : undefined;
  const node = nodes.get(nodeName);
  if (!node) {
    const since = missingSinceMs.get(nodeName);
    return since !== undefined && nowMs - since >= MISSING_NODE_QUARANTINE_MS ? 'nodeGone' : undefined;
  }
  const outOfService = node.spec.taints?.some(({ key }) => key === OUT_OF_SERVICE) === true;
  return isDeleting(pod) && outOfService && !isNodeReady(node) ? 'outOfService' : undefined;
}

/** The pod as failed, with the reason; undefined when it has ended already. */
function asFailed(pod: Pod, why: Reason, nowMs: number): Pod | undefined {
  if (isTerminal(pod)) return undefined;
  const explained =
    why === 'nodeGone' ? withDisruption(pod, 'DeletionByPodGC', 'PodGC: node no longer exists', nowMs) : pod;
  return { ...explained, status: { ...explained.status, phase: 'Failed' } };
}

/** Evicted pods go before others, old ones before young ones. */
function excessTerminated(pods: readonly Pod[]): readonly Pod[] {
  const terminated = pods.filter((pod) => isTerminal(pod) && !isDeleting(pod));
  if (terminated.length <= TERMINATED_LIMIT) return [];
  const rank = ({ metadata, status }: Pod): string =>
    [
      status?.phase === 'Failed' && status.reason === 'Evicted' ? 0 : 1,
      metadata.creationTimestamp ?? '',
      metadata.name,
    ].join(' ');
  const ranked = terminated.map((pod) => ({ pod, rank: rank(pod) }));
  ranked.sort((a, b) => compareText(a.rank, b.rank));
  return ranked.slice(0, terminated.length - TERMINATED_LIMIT).map(({ pod }) => pod);
}
