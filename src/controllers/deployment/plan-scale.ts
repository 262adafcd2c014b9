/** Scaling of a Deployment, proportional in mid-rollout; upstream's `scale`, pure. */
import type { ReplicaSet } from '../../schemas/types.ts';
import type { Family } from './deployment-status.ts';
import type { Draft } from './replica-set-draft.ts';
import { desiredReplicasOf } from './revisions.ts';
import { byAge, isRollingUpdate, maxSurge, proportionOf, sizeOf, wantedReplicas } from './rollout-math.ts';

/** Whether `replicas` of the Deployment changed since its ReplicaSets were last sized. */
export function isScalingEvent(family: Family): boolean {
  const wanted = wantedReplicas(family.deployment);
  return activeOf(allOf(family)).some((set) => {
    const desired = desiredReplicasOf(set);
    return desired !== undefined && desired !== wanted;
  });
}

export function allOf({ oldReplicaSets, newReplicaSet }: Family): readonly ReplicaSet[] {
  return newReplicaSet ? [...oldReplicaSets, newReplicaSet] : oldReplicaSets;
}

export function activeOf(replicaSets: readonly ReplicaSet[]): readonly ReplicaSet[] {
  return replicaSets.filter((set) => sizeOf(set) > 0);
}

export function planScale(family: Family, draft: Draft): void {
  const { deployment, oldReplicaSets } = family;
  const wanted = wantedReplicas(deployment);
  const only = onlyActiveOrLatest(family);
  if (only) {
    if (sizeOf(only) !== wanted) draft.scale(only, wanted);
    return;
  }
  if (isSaturated(family)) {
    for (const set of activeOf(oldReplicaSets)) draft.scale(set, 0);
    return;
  }
  if (!isRollingUpdate(deployment)) return;
  const active = [...activeOf(allOf(family))];
  const total = active.reduce((sum, set) => sum + sizeOf(set), 0);
  const allowed = wanted > 0 ? wanted + maxSurge(deployment) : 0;
  const toAdd = allowed - total;
  // Bigger ones first; among equals growing favours the newer, shrinking the older.
  active.sort((a, b) => sizeOf(b) - sizeOf(a) || (toAdd > 0 ? byAge(b, a) : byAge(a, b)));
  let added = 0;
  const sizes = active.map((set) => {
    const share = proportionOf(set, deployment, toAdd, added);
    added += share;
    return sizeOf(set) + share;
  });
  active.forEach((set, index) => {
    const leftover = index === 0 && toAdd !== 0 ? toAdd - added : 0;
    draft.scale(set, Math.max(0, (sizes[index] ?? 0) + leftover));
  });
}

/** The only active ReplicaSet, or the newest where none is; undefined where several are. */
function onlyActiveOrLatest(family: Family): ReplicaSet | undefined {
  const active = activeOf(allOf(family));
  if (active.length > 1) return undefined;
  return active[0] ?? family.newReplicaSet ?? family.oldReplicaSets.at(-1);
}

/** The newest ReplicaSet has what the Deployment wants, and all of it is available. */
function isSaturated({ deployment, newReplicaSet }: Family): boolean {
  if (!newReplicaSet) return false;
  const wanted = wantedReplicas(deployment);
  return (
    sizeOf(newReplicaSet) === wanted &&
    desiredReplicasOf(newReplicaSet) === wanted &&
    (newReplicaSet.status?.availableReplicas ?? 0) === wanted
  );
}
