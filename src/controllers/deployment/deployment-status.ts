/** Status and conditions of a Deployment; upstream's progress.go and sync.go, pure. */
import { toRfc3339 } from '../../base/clock.ts';
import type { Deployment, ReplicaSet } from '../../schemas/types.ts';
import { transitionTime, withConditions } from '../../schemas/conditions.ts';
import { parseTime } from '../pod-facts.ts';
import { maxUnavailable, sizeOf, wantedReplicas } from './rollout-math.ts';

export type DeploymentStatus = NonNullable<Deployment['status']>;
export type DeploymentCondition = NonNullable<DeploymentStatus['conditions']>[number];

export interface Family {
  readonly deployment: Deployment;
  readonly newReplicaSet: ReplicaSet | undefined;
  readonly oldReplicaSets: readonly ReplicaSet[];
}

/** 2^31 - 1 means "no deadline". */
const NO_DEADLINE_SECONDS = 2_147_483_647;

export function hasProgressDeadline(deployment: Deployment): boolean {
  const seconds = deployment.spec.progressDeadlineSeconds;
  return seconds !== undefined && seconds !== NO_DEADLINE_SECONDS;
}

export function conditionOf(
  status: DeploymentStatus | undefined,
  type: string,
): DeploymentCondition | undefined {
  return status?.conditions?.find((condition) => condition.type === type);
}

export type NewCondition = Pick<DeploymentCondition, 'type' | 'status' | 'reason' | 'message'>;

/** Adds or replaces a condition, unless it has the same status and reason already. */
export function withCondition(
  status: DeploymentStatus,
  condition: NewCondition,
  nowMs: number,
): DeploymentStatus {
  const current = conditionOf(status, condition.type);
  if (current?.status === condition.status && current.reason === condition.reason) return status;
  return replaceCondition(status, condition, nowMs);
}

function replaceCondition(
  status: DeploymentStatus,
  condition: NewCondition,
  nowMs: number,
): DeploymentStatus {
  const lastTransitionTime = transitionTime(status.conditions, condition, nowMs);
  const next = { ...condition, lastTransitionTime, lastUpdateTime: toRfc3339(nowMs) };
  return { ...status, conditions: withConditions(status.conditions, [next]) as DeploymentCondition[] };
}

function withoutCondition(status: DeploymentStatus, type: string): readonly DeploymentCondition[] {
  return (status.conditions ?? []).filter((condition) => condition.type !== type);
}

export function progressing(
  status: 'True' | 'False' | 'Unknown',
  reason: string,
  message: string,
): NewCondition {
  return { type: 'Progressing', status, reason, message };
}

const sum = (replicaSets: readonly ReplicaSet[], valueOf: (set: ReplicaSet) => number | undefined): number =>
  replicaSets.reduce((total, replicaSet) => total + (valueOf(replicaSet) ?? 0), 0);

/** Counts and availability as the ReplicaSets report them. */
export function countStatus(family: Family, nowMs: number): DeploymentStatus {
  const { deployment, newReplicaSet, oldReplicaSets } = family;
  const all = [...oldReplicaSets, ...(newReplicaSet ? [newReplicaSet] : [])];
  const available = sum(all, (set) => set.status?.availableReplicas);
  const counts = {
    availableReplicas: available,
    readyReplicas: sum(all, (set) => set.status?.readyReplicas),
    replicas: sum(all, (set) => set.status?.replicas),
    unavailableReplicas: Math.max(0, sum(all, sizeOf) - available),
    updatedReplicas: newReplicaSet?.status?.replicas ?? 0,
  };
  const collisions = deployment.status?.collisionCount;
  // Unknown while one of them has not reported; upstream leaves it out then.
  const terminating = all.every((set) => set.status?.terminatingReplicas !== undefined);
  const status: DeploymentStatus = {
    ...Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0)),
    observedGeneration: deployment.metadata.generation ?? 0,
    ...(collisions === undefined ? {} : { collisionCount: collisions }),
    ...(terminating ? { terminatingReplicas: sum(all, (set) => set.status?.terminatingReplicas) } : {}),
    conditions: [...(deployment.status?.conditions ?? [])],
  };
  const enough = available >= wantedReplicas(deployment) - maxUnavailable(deployment);
  return withCondition(
    status,
    {
      type: 'Available',
      status: enough ? 'True' : 'False',
      reason: enough ? 'MinimumReplicasAvailable' : 'MinimumReplicasUnavailable',
      message: enough
        ? 'Deployment has minimum availability.'
        : 'Deployment does not have minimum availability.',
    },
    nowMs,
  );
}

export function isComplete(deployment: Deployment, status: DeploymentStatus): boolean {
  const wanted = wantedReplicas(deployment);
  return (
    (status.updatedReplicas ?? 0) === wanted &&
    (status.replicas ?? 0) === wanted &&
    (status.availableReplicas ?? 0) === wanted &&
    (status.observedGeneration ?? 0) >= (deployment.metadata.generation ?? 0)
  );
}

function hasProgressed(old: DeploymentStatus, next: DeploymentStatus): boolean {
  const outdated = (status: DeploymentStatus): number =>
    (status.replicas ?? 0) - (status.updatedReplicas ?? 0);
  return (
    (next.updatedReplicas ?? 0) > (old.updatedReplicas ?? 0) ||
    outdated(next) < outdated(old) ||
    (next.readyReplicas ?? 0) > (old.readyReplicas ?? 0) ||
    (next.availableReplicas ?? 0) > (old.availableReplicas ?? 0)
  );
}

function hasTimedOut(deployment: Deployment, status: DeploymentStatus, nowMs: number): boolean {
  const current = conditionOf(status, 'Progressing');
  if (!current || current.reason === 'NewReplicaSetAvailable') return false;
  if (current.reason === 'ProgressDeadlineExceeded') return true;
  const since = parseTime(current.lastUpdateTime) ?? nowMs;
  return nowMs > since + deadlineMs(deployment);
}

function deadlineMs(deployment: Deployment): number {
  return (deployment.spec.progressDeadlineSeconds ?? 600) * 1000;
}

/** The status with Progressing and ReplicaFailure judged. */
export function withProgress(family: Family, counted: DeploymentStatus, nowMs: number): DeploymentStatus {
  const { deployment } = family;
  const old = deployment.status ?? {};
  const current = conditionOf(old, 'Progressing');
  let status = counted;
  if (!hasProgressDeadline(deployment)) {
    status = { ...status, conditions: [...withoutCondition(status, 'Progressing')] };
  } else {
    const done =
      (status.replicas ?? 0) === (status.updatedReplicas ?? 0) &&
      current?.reason === 'NewReplicaSetAvailable';
    if (!done) status = judgeProgress(family, status, nowMs);
  }
  return withReplicaFailure(family, status, nowMs);
}

function judgeProgress(family: Family, status: DeploymentStatus, nowMs: number): DeploymentStatus {
  const { deployment, newReplicaSet } = family;
  const subject = newReplicaSet
    ? `ReplicaSet "${newReplicaSet.metadata.name}"`
    : `Deployment "${deployment.metadata.name}"`;
  if (isComplete(deployment, status)) {
    const message = `${subject} has successfully progressed.`;
    return withCondition(status, progressing('True', 'NewReplicaSetAvailable', message), nowMs);
  }
  if (hasProgressed(deployment.status ?? {}, status)) {
    // Always replaced: its update time is what the deadline counts from.
    const condition = progressing('True', 'ReplicaSetUpdated', `${subject} is progressing.`);
    return replaceCondition(status, condition, nowMs);
  }
  if (hasTimedOut(deployment, status, nowMs)) {
    const message = `${subject} has timed out progressing.`;
    return withCondition(status, progressing('False', 'ProgressDeadlineExceeded', message), nowMs);
  }
  return status;
}

function withReplicaFailure(family: Family, status: DeploymentStatus, nowMs: number): DeploymentStatus {
  const { newReplicaSet, oldReplicaSets } = family;
  const failureOf = (set: ReplicaSet | undefined): NewCondition | undefined => {
    const found = set?.status?.conditions?.find((condition) => condition.type === 'ReplicaFailure');
    if (!found) return undefined;
    const { type, status: value, reason, message } = found;
    return { type, status: value, ...(reason ? { reason } : {}), ...(message ? { message } : {}) };
  };
  const failure = failureOf(newReplicaSet) ?? oldReplicaSets.map(failureOf).find(Boolean);
  return failure
    ? withCondition(status, failure, nowMs)
    : { ...status, conditions: [...withoutCondition(status, 'ReplicaFailure')] };
}

/** When the progress deadline must be looked at again; undefined when it does not run. */
export function nextDeadlineInMs(
  deployment: Deployment,
  status: DeploymentStatus,
  nowMs: number,
): number | undefined {
  const current = conditionOf(status, 'Progressing');
  if (!hasProgressDeadline(deployment) || !current || isComplete(deployment, status)) return undefined;
  if (current.reason === 'ProgressDeadlineExceeded' || current.reason === 'NewReplicaSetAvailable')
    return undefined;
  const since = parseTime(current.lastUpdateTime) ?? nowMs;
  return Math.max(1000, since + deadlineMs(deployment) - nowMs + 1000);
}
