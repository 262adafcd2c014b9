/** The status of a StatefulSet, pure: counts as upstream makes them, before the plan's changes. */
import type { Pod, StatefulSet } from '../../schemas/types.ts';
import { isDeleting } from '../ownership.ts';
import { availableInMs, isReady } from '../pod-facts.ts';
import { replicasOf, revisionOf } from './identity.ts';

export type StatefulSetStatus = NonNullable<StatefulSet['status']>;

export interface Revisions {
  readonly current: string;
  readonly update: string;
  readonly collisionCount: number;
}

export const isRunningAndReady = (pod: Pod): boolean => pod.status?.phase === 'Running' && isReady(pod);

export const isAvailable = (set: StatefulSet, pod: Pod, nowMs: number): boolean =>
  pod.status?.phase === 'Running' && availableInMs(pod, set.spec.minReadySeconds ?? 0, nowMs) === 0;

/** Counts towards `maxUnavailable`, and holds up the pods after it. */
export const isUnavailable = (set: StatefulSet, pod: Pod, nowMs: number): boolean =>
  isDeleting(pod) || !isAvailable(set, pod, nowMs);

export interface StatusInput {
  readonly set: StatefulSet;
  readonly pods: readonly Pod[];
  readonly revisions: Revisions;
  /** Pods that this plan deletes to update them. */
  readonly updating: number;
}

export function statusOf({ set, pods, revisions, updating }: StatusInput, nowMs: number): StatefulSetStatus {
  const staying = pods.filter((pod) => !isDeleting(pod));
  const at = (revision: string): number => staying.filter((pod) => revisionOf(pod) === revision).length;
  const ready = pods.filter(isRunningAndReady).length;
  const updated = at(revisions.update);
  const replicas = replicasOf(set);
  const isComplete =
    set.spec.updateStrategy?.type === 'RollingUpdate' &&
    [updated, ready, pods.length].every((count) => count === replicas);
  const current = isComplete ? updated : Math.max(0, at(revisions.current) - updating);
  const { conditions } = set.status ?? {};
  return {
    observedGeneration: set.metadata.generation ?? 0,
    replicas: pods.length,
    ...(ready > 0 ? { readyReplicas: ready } : {}),
    availableReplicas: pods.filter((pod) => isAvailable(set, pod, nowMs)).length,
    ...(current > 0 ? { currentReplicas: current } : {}),
    ...(updated > 0 ? { updatedReplicas: updated } : {}),
    currentRevision: isComplete ? revisions.update : revisions.current,
    updateRevision: revisions.update,
    collisionCount: revisions.collisionCount,
    ...(conditions && conditions.length > 0 ? { conditions } : {}),
  };
}
