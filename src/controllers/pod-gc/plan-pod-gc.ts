/**
 * Pods that nobody will ever report on again: bound to a node that is gone, never bound and being deleted, on a node taken
 * out of service, or finished and far too many. Upstream's podgc, pure.
 */
import type { Node, Pod } from '../../schemas/types.ts';
import type { Write } from '../../resources/writing/write-plan.ts';
import { withDisruption } from '../node-lifecycle/plan-taint-eviction.ts';
import { isNodeReady, OUT_OF_SERVICE } from '../node-lifecycle/plan-node-health.ts';
import { isDeleting } from '../ownership.ts';
import { isTerminal, podCondition } from '../pod-facts.ts';

/** A node must have been missing this long before its pods are: registrations race with pods. */
export const MISSING_NODE_QUARANTINE_MS = 40_000;

/** kube-controller-manager's --terminated-pod-gc-threshold. */
const TERMINATED_LIMIT = 12_500;

export interface PodGcInput {
  readonly pods: readonly Pod[];
  readonly nodes: ReadonlyMap<string, Node>;
  /** Since when we have missed a node that pods are bound to; verified against the store itself. */
  readonly missingSinceMs: ReadonlyMap<string, number>;
  readonly nowMs: number;
}

export interface PodGcPlan {
  /** Reasons and phases to write down first. */
  readonly marks: readonly Write[];
  /** Then these go without grace. */
  readonly deletions: readonly Write[];
}

export function planPodGc(input: PodGcInput): PodGcPlan {
  const marks: Write[] = [];
  const deletions: Write[] = [];
  for (const pod of input.pods) {
    const why = reasonOf(pod, input);
    if (!why) continue;
    const marked = asFailed(pod, why, input.nowMs);
    if (marked) marks.push({ verb: 'update', object: marked, subresource: 'status' });
    else deletions.push(forcedDeletion(pod));
  }
  for (const pod of excessTerminated(input.pods)) deletions.push(forcedDeletion(pod));
  return { marks, deletions };
}

type Reason = 'nodeGone' | 'neverBound' | 'outOfService';

function reasonOf(pod: Pod, { nodes, missingSinceMs, nowMs }: PodGcInput): Reason | undefined {
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

/** The pod as failed, with the reason where the system is to blame; undefined when it says so already. */
function asFailed(pod: Pod, why: Reason, nowMs: number): Pod | undefined {
  const needsReason =
    why === 'nodeGone' && podCondition(pod, 'DisruptionTarget')?.reason !== 'DeletionByPodGC';
  if (isTerminal(pod) && !(needsReason && podCondition(pod, 'DisruptionTarget') === undefined))
    return undefined;
  const explained = needsReason
    ? withDisruption(pod, 'DeletionByPodGC', 'PodGC: node no longer exists', nowMs)
    : pod;
  return {
    ...explained,
    status: { ...explained.status, phase: isTerminal(pod) ? pod.status?.phase : 'Failed' },
  } as Pod;
}

function excessTerminated(pods: readonly Pod[]): readonly Pod[] {
  const terminated = pods.filter((pod) => isTerminal(pod) && !isDeleting(pod) && pod.spec.nodeName);
  if (terminated.length <= TERMINATED_LIMIT) return [];
  const age = (pod: Pod): string => pod.metadata.creationTimestamp ?? '';
  const oldest = [...terminated].sort((a, b) => (age(a) < age(b) ? -1 : Number(age(a) > age(b))));
  return oldest.slice(0, terminated.length - TERMINATED_LIMIT);
}

function forcedDeletion(pod: Pod): Write {
  const preconditions = pod.metadata.uid ? { uid: pod.metadata.uid } : {};
  return { verb: 'delete', object: pod, options: { gracePeriodSeconds: 0, preconditions } };
}
