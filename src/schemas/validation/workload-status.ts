/** Statuses of workloads with a number of pods. */
import { asNumber, asRecord, type Fields } from '../json-access.ts';
import type { KubeObject } from '../object.ts';
import { nonNegative } from './numbers.ts';
import { type FieldErrors, invalid } from './report.ts';

const count = (status: Fields, field: string): number => asNumber(status[field]) ?? 0;

/** Parts of `replicas`, and what is ready before it is available; absent counts are 0. */
export function validateCounts(
  status: Fields,
  counted: readonly string[],
  parts: readonly string[],
  ready = 'readyReplicas',
): FieldErrors {
  const errors = counted.flatMap((field) => nonNegative(status[field], `status.${field}`));
  for (const field of parts) {
    if (count(status, field) <= count(status, 'replicas')) continue;
    const detail = 'cannot be greater than status.replicas';
    errors.push(invalid(`status.${field}`, count(status, field), detail));
  }
  const available = count(status, 'availableReplicas');
  if (available > count(status, 'readyReplicas'))
    errors.push(invalid('status.availableReplicas', available, `cannot be greater than ${ready}`));
  return errors;
}

const DEPLOYMENT_PARTS = ['updatedReplicas', 'readyReplicas', 'availableReplicas'];

export function validateDeploymentStatus(next: KubeObject, current: KubeObject): FieldErrors {
  const counted = [
    'observedGeneration',
    'replicas',
    ...DEPLOYMENT_PARTS,
    'unavailableReplicas',
    'terminatingReplicas',
    'collisionCount',
  ];
  return [
    ...validateCounts(asRecord(next['status']), counted, DEPLOYMENT_PARTS),
    ...validateCollisions(next, current),
  ];
}

/** Collisions are counted up only: the count is part of hashes. */
export function validateCollisions(next: KubeObject, current: KubeObject): FieldErrors {
  const [status, old] = [asRecord(next['status']), asRecord(current['status'])];
  const collisions = count(status, 'collisionCount');
  const isDropped = status['collisionCount'] === undefined && old['collisionCount'] !== undefined;
  if (!isDropped && collisions >= count(old, 'collisionCount')) return [];
  return [invalid('status.collisionCount', status['collisionCount'] ?? null, 'cannot be decremented')];
}

const REPLICA_PARTS = ['fullyLabeledReplicas', 'readyReplicas', 'availableReplicas'];

/** Validates the status of ReplicaSets and ReplicationControllers. */
export function validateReplicasStatus(next: KubeObject): FieldErrors {
  const counted = ['replicas', ...REPLICA_PARTS, 'observedGeneration', 'terminatingReplicas'];
  return validateCounts(asRecord(next['status']), counted, REPLICA_PARTS);
}
