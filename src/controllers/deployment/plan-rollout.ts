/** One step of a rollout, rolling or recreating; upstream's rolling.go and recreate.go, pure. */
import type { Pod, ReplicaSet } from '../../schemas/types.ts';
import { controllerOf } from '../../schemas/object.ts';
import { isTerminal } from '../pod-facts.ts';
import type { Family } from './deployment-status.ts';
import { activeOf, allOf } from './plan-scale.ts';
import type { Draft } from './replica-set-draft.ts';
import { maxUnavailable, newReplicaSetSize, sizeOf, wantedReplicas } from './rollout-math.ts';

/** Grows the newest ReplicaSet; when there is nothing to grow, shrinks the old ones. */
export function planRollingUpdate(family: Family, draft: Draft): void {
  if (!growNew(family, draft)) shrinkOld(family, draft);
}

function growNew(family: Family, draft: Draft): boolean {
  const { deployment, newReplicaSet } = family;
  if (!newReplicaSet) return false;
  const wanted = wantedReplicas(deployment);
  const size = sizeOf(newReplicaSet);
  if (size === wanted) return false;
  if (size > wanted) return draft.scale(newReplicaSet, wanted);
  const total = allOf(family).reduce((sum, set) => sum + sizeOf(set), 0);
  const next = newReplicaSetSize(deployment, total, size);
  return next !== size && draft.scale(newReplicaSet, next);
}

function shrinkOld(family: Family, draft: Draft): void {
  const { deployment, newReplicaSet, oldReplicaSets } = family;
  const old = activeOf(oldReplicaSets);
  if (old.length === 0 || allOf(family).some(isOutdated)) return;
  const total = allOf(family).reduce((sum, set) => sum + sizeOf(set), 0);
  const minAvailable = wantedReplicas(deployment) - maxUnavailable(deployment);
  const notYetAvailable = newReplicaSet ? sizeOf(newReplicaSet) - availableOf(newReplicaSet) : 0;
  const mayGo = total - minAvailable - notYetAvailable;
  if (mayGo <= 0) return;
  removeUnhealthy(old, mayGo, draft);
  removeHealthy(family, old, minAvailable, draft);
}

/**
 * The status counts pods of an earlier size, and may call available what is on its way out. Nothing
 * is taken away on its word (INVARIANTS 1); it reports anew at once.
 */
function isOutdated(set: ReplicaSet): boolean {
  const { availableReplicas = 0, observedGeneration = 0 } = set.status ?? {};
  return availableReplicas > 0 && observedGeneration < (set.metadata.generation ?? 0);
}

/** At most its size: an old status must not make room for another scaling (INVARIANTS 1). */
function availableOf(set: ReplicaSet): number {
  return Math.min(set.status?.availableReplicas ?? 0, sizeOf(set));
}

/** Unavailable pods go first: that costs nothing, and they cannot block the rollout. */
function removeUnhealthy(old: readonly ReplicaSet[], mayGo: number, draft: Draft): void {
  let gone = 0;
  for (const set of old) {
    const unhealthy = sizeOf(set) - availableOf(set);
    const count = Math.min(mayGo - gone, unhealthy);
    if (count <= 0) continue;
    draft.scale(set, sizeOf(set) - count);
    gone += count;
  }
}

function removeHealthy(family: Family, old: readonly ReplicaSet[], minAvailable: number, draft: Draft): void {
  const available = allOf(family).reduce((sum, set) => sum + availableOf(set), 0);
  let mayGo = available - minAvailable;
  for (const set of old) {
    const size = sizeOf(draft.current(set));
    const count = Math.min(size, mayGo);
    if (count <= 0) continue;
    draft.scale(set, size - count);
    mayGo -= count;
  }
}

/** Everything old goes before anything new comes. `create`: make the new ReplicaSet now. */
export function planRecreate(
  family: Family,
  { pods, endsLostPods }: { readonly pods: readonly Pod[]; readonly endsLostPods: boolean },
  draft: Draft,
): 'wait' | 'create' | 'done' {
  const { deployment, newReplicaSet, oldReplicaSets } = family;
  const active = activeOf(oldReplicaSets);
  for (const set of active) draft.scale(set, 0);
  if (active.length > 0 || endsLostPods || oldPodsRun(family, pods)) return 'wait';
  if (!newReplicaSet) return 'create';
  const wanted = wantedReplicas(deployment);
  if (sizeOf(newReplicaSet) !== wanted) draft.scale(newReplicaSet, wanted);
  return 'done';
}

function oldPodsRun({ newReplicaSet, oldReplicaSets }: Family, pods: readonly Pod[]): boolean {
  if (oldReplicaSets.some((set) => (set.status?.replicas ?? 0) > 0)) return true;
  return pods.some((pod) => controllerOf(pod)?.uid !== newReplicaSet?.metadata.uid && !isTerminal(pod));
}
