/**
 * A rolling update of a DaemonSet: upstream's rollingUpdate, pure. It runs once every node has the
 * pods that it should have. Pods that are being deleted do not count, so that nodes that are
 * down do not stop an update.
 */
import type { Pod } from '../../schemas/types.ts';
import { isDeleting } from '../ownership.ts';
import { type DaemonSetRevision, isAvailable, isUpdated, podsByNode } from './daemon-pods.ts';
import { rollingLimits } from './rolling-limits.ts';
import { type Fit, fitOf } from './node-fit.ts';
import type { PodsInput } from './plan-pods.ts';

export interface RolloutChanges {
  readonly createOn: readonly string[];
  readonly remove: readonly Pod[];
}

/** The pods of a node, or `many` where there are several of one kind. */
interface NodePods {
  readonly node: string;
  readonly fit: Fit;
  readonly many: boolean;
  readonly newPod: Pod | undefined;
  readonly oldPod: Pod | undefined;
}

export function planRollout(input: PodsInput, nowMs: number): RolloutChanges {
  const { daemonSet } = input;
  if (daemonSet.spec.updateStrategy?.type === 'OnDelete') return { createOn: [], remove: [] };
  const nodes = nodePodsOf(input);
  const desired = nodes.filter(({ fit }) => fit === 'run').length;
  const { maxSurge, maxUnavailable } = rollingLimits(daemonSet, desired);
  const counts = (pod: Pod): boolean => isAvailable(daemonSet, pod, nowMs);
  return maxSurge === 0
    ? { createOn: [], remove: oldPodsToReplace(nodes, maxUnavailable, counts) }
    : planSurge(nodes, { maxSurge, desired }, counts);
}

/** Nodes with pods, and those that should have one; in the order of their names. */
function nodePodsOf(input: PodsInput): readonly NodePods[] {
  const byNode = podsByNode(input.pods);
  const fit = fitOf(input.daemonSet);
  const fits = new Map(input.nodes.map((node) => [node.metadata.name, fit(node)]));
  const names = [...byNode.keys(), ...[...fits.keys()].filter((name) => fits.get(name) === 'run')];
  return [...new Set(names)]
    .sort()
    .map((node) => sorted(input, node, fits.get(node) ?? 'leave', byNode.get(node) ?? []));
}

function sorted(revision: DaemonSetRevision, node: string, fit: Fit, pods: readonly Pod[]): NodePods {
  const staying = pods.filter((pod) => !isDeleting(pod));
  const [newPod, ...newer] = staying.filter((pod) => isUpdated(revision, pod));
  const [oldPod, ...older] = staying.filter((pod) => !isUpdated(revision, pod));
  return { node, fit, many: newer.length > 0 || older.length > 0, newPod, oldPod };
}

/** Unavailable old pods go at once, available ones as far as `maxUnavailable` allows. */
function oldPodsToReplace(
  nodes: readonly NodePods[],
  maxUnavailable: number,
  counts: (pod: Pod) => boolean,
): readonly Pod[] {
  const broken: Pod[] = [];
  const candidates: Pod[] = [];
  let unavailable = 0;
  for (const { many, newPod, oldPod } of nodes) {
    const only = many || (newPod && oldPod) ? undefined : (newPod ?? oldPod);
    if (!only || !counts(only)) unavailable += 1;
    if (only && only === oldPod) (counts(only) ? candidates : broken).push(only);
  }
  return [...broken, ...candidates.slice(0, Math.max(0, maxUnavailable - unavailable))];
}

/** New pods beside available old ones, at most `maxSurge` at a time. */
function planSurge(
  nodes: readonly NodePods[],
  { maxSurge, desired }: { readonly maxSurge: number; readonly desired: number },
  counts: (pod: Pod) => boolean,
): RolloutChanges {
  const remove: Pod[] = [];
  const stranded: Pod[] = [];
  const createOn: string[] = [];
  const candidates: string[] = [];
  let surge = 0;
  let available = 0;
  for (const { node, fit, many, newPod, oldPod } of nodes) {
    if (many) {
      surge += 1;
      continue;
    }
    const counted = oldPod ?? newPod;
    if (counted && counts(counted)) available += 1;
    if (!oldPod) continue;
    if (newPod && counts(newPod)) remove.push(oldPod);
    else if (newPod) surge += 1;
    else if (fit !== 'run') (counts(oldPod) ? stranded : remove).push(oldPod);
    else (counts(oldPod) ? candidates : createOn).push(node);
  }
  // Pods of nodes that should not have one go when as many others are available.
  return {
    remove: [...remove, ...stranded.slice(0, Math.max(0, available - desired))],
    createOn: [...createOn, ...candidates.slice(0, Math.max(0, maxSurge - surge))],
  };
}
