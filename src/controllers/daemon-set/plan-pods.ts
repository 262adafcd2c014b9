/**
 * Finds the pods of a DaemonSet that are missing or too many, node by node; upstream's manage,
 * pure.
 */
import { append } from '../../base/append.ts';
import { keyOf } from '../../schemas/object.ts';
import type { Node, Pod } from '../../schemas/types.ts';
import { REVISION_LABEL } from '../revision-history/plan-revision-history.ts';
import { isDeleting } from '../ownership.ts';
import type { PlannedEvent } from '../planned-event.ts';
import { isReady, isTerminal } from '../pod-facts.ts';
import { daemonSetEvent } from './daemon-set-events.ts';
import { type DaemonSetRevision, isAvailable, podsByNode } from './daemon-pods.ts';
import { rollingLimits } from './rolling-limits.ts';
import { type Fit, fitOf } from './node-fit.ts';

export interface PodsInput extends DaemonSetRevision {
  readonly nodes: readonly Node[];
  /** All that the DaemonSet owns. */
  readonly pods: readonly Pod[];
  /** Milliseconds until a failed pod of the node may be deleted; 0: now. */
  failureWaitMs(node: string): number;
}

/** Names of nodes that get a pod, and pods that go. */
export interface PodChanges {
  readonly createOn: readonly string[];
  readonly remove: readonly Pod[];
  readonly events: readonly PlannedEvent[];
  /** Nodes whose failed pods go: the next failure there waits longer. */
  readonly failedOn: readonly string[];
  /** Until the first failed pod that has to wait may be deleted. */
  readonly waitMs?: number;
}

interface Draft {
  readonly createOn: string[];
  readonly remove: Pod[];
  readonly events: PlannedEvent[];
  readonly failedOn: string[];
  waitMs?: number;
}

export function planPods(input: PodsInput, nowMs: number): PodChanges {
  const byNode = podsByNode(input.pods);
  const fit = fitOf(input.daemonSet);
  const names = new Set<string>();
  const draft: Draft = { createOn: [], remove: [], events: [], failedOn: [] };
  for (const node of input.nodes) {
    const { name } = node.metadata;
    names.add(name);
    planNode(input, { name, fit: fit(node), pods: byNode.get(name) ?? [] }, draft, nowMs);
  }
  // No agent and no garbage collector will ever see these: they were never bound.
  for (const [node, pods] of byNode)
    if (!names.has(node))
      append(
        draft.remove,
        pods.filter((pod) => !pod.spec.nodeName && !isDeleting(pod)),
      );
  return draft;
}

interface NodeView {
  readonly name: string;
  readonly fit: Fit;
  readonly pods: readonly Pod[];
}

function planNode(input: PodsInput, { name, fit, pods }: NodeView, draft: Draft, nowMs: number): void {
  const staying = pods.filter((pod) => !isDeleting(pod));
  if (fit === 'leave') {
    append(draft.remove, staying);
    return;
  }
  if (fit === 'run' && pods.length === 0) {
    draft.createOn.push(name);
    return;
  }
  const running = withoutEnded(input, { name, fit, pods: staying }, draft);
  if (rollingLimits(input.daemonSet, 1).maxSurge === 0) append(draft.remove, running.slice(1));
  else if (running.length > 1) append(draft.remove, excessOfSurge(input, running, nowMs));
  else if (running.length === 0 && fit === 'run') draft.createOn.push(name);
}

/**
 * Deletes pods that have ended; failed ones with a back-off, as the node may refuse the next, too.
 */
function withoutEnded(input: PodsInput, { name, pods }: NodeView, draft: Draft): readonly Pod[] {
  const { daemonSet } = input;
  for (const pod of pods) {
    if (!isTerminal(pod)) continue;
    const hasFailed = pod.status?.phase === 'Failed';
    const waitMs = hasFailed ? input.failureWaitMs(name) : 0;
    if (waitMs > 0) {
      draft.waitMs = Math.min(draft.waitMs ?? waitMs, waitMs);
      continue;
    }
    if (hasFailed) draft.failedOn.push(name);
    draft.events.push(daemonSetEvent(hasFailed ? 'failedPod' : 'succeededPod', daemonSet, keyOf(pod), name));
    draft.remove.push(pod);
  }
  return pods.filter((pod) => !isTerminal(pod));
}

/**
 * An old pod stays beside a new one while it is ready and the new one is not available. Further
 * pods of either kind go.
 */
function excessOfSurge(
  { daemonSet, hash }: DaemonSetRevision,
  running: readonly Pod[],
  nowMs: number,
): readonly Pod[] {
  const isNew = ({ metadata }: Pod): boolean => metadata.labels?.[REVISION_LABEL] === hash;
  const [newPod, oldPod] = [running.find(isNew), running.find((pod) => !isNew(pod))];
  const excess = running.filter((pod) => pod !== newPod && pod !== oldPod);
  if (!newPod || !oldPod) return excess;
  const isReplaced = !isReady(oldPod) || isAvailable(daemonSet, newPod, nowMs);
  return isReplaced ? [...excess, oldPod] : excess;
}
