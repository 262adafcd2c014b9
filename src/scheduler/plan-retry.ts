/** Whether a change may help refused pods, pure (upstream's queueing hints). */
import { jsonEqual } from '../base/json.ts';
import type { Node, Pod } from '../schemas/types.ts';
import { mayHoldMore } from '../schemas/volumes/node-volumes.ts';
import { isFinished } from './pod-info.ts';

export interface Change<T> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: T;
  readonly previous?: T;
}

/** A node came, or changed in a field that filters read. */
export function nodeChangeHelps({ type, object, previous }: Change<Node>): boolean {
  if (type === 'DELETED') return false;
  if (!previous) return true;
  return (
    !jsonEqual(object.status?.allocatable, previous.status?.allocatable) ||
    !jsonEqual(object.metadata.labels, previous.metadata.labels) ||
    mayHoldMore(object, previous) ||
    !jsonEqual(object.spec.taints, previous.spec.taints) ||
    object.spec.unschedulable !== previous.spec.unschedulable
  );
}

/** A bound pod went, finished, came (affinity), or changed its labels (affinity, spread). */
export function podChangeHelps({ type, object, previous }: Change<Pod>): boolean {
  if (!object.spec.nodeName) return false;
  if (type === 'DELETED' || !previous) return true;
  return (
    isFinished(object) !== isFinished(previous) ||
    previous.spec.nodeName !== object.spec.nodeName ||
    !jsonEqual(object.metadata.labels, previous.metadata.labels)
  );
}

/** The pod itself changed in a field that decides where it may go. */
export function pendingPodChanged({ object, previous }: Change<Pod>): boolean {
  if (!previous || previous.metadata.uid !== object.metadata.uid) return true;
  return (
    !jsonEqual(object.spec, previous.spec) || !jsonEqual(object.metadata.labels, previous.metadata.labels)
  );
}
