/** Surge, unavailability and proportional scaling, as upstream's deployment util; pure. */
import { resolveRollingLimits } from '../../schemas/values/int-or-percent.ts';
import type { Deployment, ReplicaSet } from '../../schemas/types.ts';
import { maxReplicasOf } from './revisions.ts';

export function wantedReplicas(deployment: Deployment): number {
  return deployment.spec.replicas ?? 1;
}

export function sizeOf(replicaSet: ReplicaSet): number {
  return replicaSet.spec.replicas ?? 1;
}

export function isRollingUpdate(deployment: Deployment): boolean {
  return deployment.spec.strategy?.type !== 'Recreate';
}

function limits(deployment: Deployment): { readonly maxSurge: number; readonly maxUnavailable: number } {
  const rolling = deployment.spec.strategy?.rollingUpdate;
  return resolveRollingLimits(
    rolling?.maxSurge ?? '25%',
    rolling?.maxUnavailable ?? '25%',
    wantedReplicas(deployment),
  );
}

export function maxSurge(deployment: Deployment): number {
  return isRollingUpdate(deployment) ? limits(deployment).maxSurge : 0;
}

export function maxUnavailable(deployment: Deployment): number {
  const wanted = wantedReplicas(deployment);
  if (!isRollingUpdate(deployment) || wanted === 0) return 0;
  return Math.min(limits(deployment).maxUnavailable, wanted);
}

/** The size that the newest ReplicaSet may have now, `total` being the size of all of them. */
export function newReplicaSetSize(deployment: Deployment, total: number, current: number): number {
  const wanted = wantedReplicas(deployment);
  if (!isRollingUpdate(deployment)) return wanted;
  const room = wanted + maxSurge(deployment) - total;
  return room <= 0 ? current : current + Math.min(room, wanted - current);
}

/** The share of `toAdd` (negative when shrinking) that falls to this ReplicaSet. */
export function proportionOf(
  replicaSet: ReplicaSet,
  deployment: Deployment,
  toAdd: number,
  added: number,
): number {
  if (sizeOf(replicaSet) === 0 || toAdd === 0 || toAdd === added) return 0;
  const fraction = fractionOf(replicaSet, deployment);
  const allowed = toAdd - added;
  return toAdd > 0 ? Math.min(fraction, allowed) : Math.max(fraction, allowed);
}

function fractionOf(replicaSet: ReplicaSet, deployment: Deployment): number {
  const size = sizeOf(replicaSet);
  const wanted = wantedReplicas(deployment);
  if (wanted === 0) return -size;
  const before = maxReplicasOf(replicaSet) || (deployment.status?.replicas ?? 0);
  if (before === 0) return 0;
  return roundHalfAway((size * (wanted + maxSurge(deployment))) / before) - size;
}

/** Halves go away from zero, as Go's RoundToInt32. */
function roundHalfAway(value: number): number {
  return Math.trunc(value < 0 ? value - 0.5 : value + 0.5);
}

/** Oldest first; creation times have whole seconds, so names break ties. */
export function byAge(a: ReplicaSet, b: ReplicaSet): number {
  const [timeA, timeB] = [a.metadata.creationTimestamp ?? '', b.metadata.creationTimestamp ?? ''];
  if (timeA !== timeB) return timeA < timeB ? -1 : 1;
  return a.metadata.name < b.metadata.name ? -1 : 1;
}
