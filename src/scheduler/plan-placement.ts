/**
 * Pending pods → bindings and refusals. Each binding counts for the next pods. The order is
 * upstream's: higher priority, older, by key.
 */
import type { Rng } from '../base/rng.ts';
import { unimplementedIn } from '../schemas/profile/index.ts';
import type { Pod } from '../schemas/types.ts';
import { explainRefusal } from './explain.ts';
import { createPlacementIndex } from './placement-index.ts';
import { type Placement, schedulePod } from './schedule-pod.ts';
import { type ClusterObjects, place, type SpreadingObjects, type World, worldOf } from './snapshot.ts';
import { assumeVolumes, type VolumeWrites } from './pod-volumes.ts';
import type { PodInfo } from './types.ts';

export interface Binding {
  readonly pod: Pod;
  readonly nodeName: string;
}

/** A pod has a place, and its claims do not have their volumes yet. */
export interface Reservation extends Binding, VolumeWrites {}

export interface Rejection {
  readonly pod: Pod;
  readonly reason: 'Unschedulable' | 'SchedulingGated';
  readonly message: string;
}

export interface PlacementPlan {
  readonly bindings: readonly Binding[];
  readonly reservations: readonly Reservation[];
  readonly rejections: readonly Rejection[];
}

export const GATED_MESSAGE = 'Scheduling is blocked due to non-empty scheduling gates';
/** `spec.schedulerName` of the pods that are ours to place. */
export const SCHEDULER_NAME = 'default-scheduler';

/** Whether the pod waits for this scheduler. */
export function isPending(pod: Pod): boolean {
  return (
    !pod.spec.nodeName &&
    pod.metadata.deletionTimestamp === undefined &&
    (pod.spec.schedulerName ?? SCHEDULER_NAME) === SCHEDULER_NAME &&
    pod.status?.phase !== 'Succeeded' &&
    pod.status?.phase !== 'Failed'
  );
}

/** For a cluster that is read once. */
export function planPlacement(pending: readonly Pod[], objects: ClusterObjects, rng: Rng): PlacementPlan {
  return planPlacementIn(pending, worldOf(objects), objects, rng);
}

export function planPlacementIn(
  pending: readonly Pod[],
  world: World,
  objects: SpreadingObjects,
  rng: Rng,
  /** Keys of pods that had a place before the others came. */
  first: ReadonlySet<string> = new Set(),
): PlacementPlan {
  const snapshot = world.snapshot(objects);
  const index = createPlacementIndex(snapshot);
  const bindings: Binding[] = [];
  const reservations: Reservation[] = [];
  const rejections: Rejection[] = [];
  const rank = ({ key }: PodInfo): number => (first.has(key) ? 0 : 1);
  const queue = pending.map(world.read).sort((a, b) => rank(a) - rank(b) || byQueueOrder(a, b));
  // A refusal of a class holds for its other pods until the next placement.
  const refused = new Map<string, { readonly placed: number; readonly message: string }>();
  for (const info of queue) {
    if ((info.pod.spec.schedulingGates ?? []).length > 0) {
      rejections.push({ pod: info.pod, reason: 'SchedulingGated', message: GATED_MESSAGE });
      continue;
    }
    const missing = unimplementedIn(info.pod);
    if (missing !== undefined) {
      rejections.push({ pod: info.pod, reason: 'Unschedulable', message: missing });
      continue;
    }
    const said = refused.get(info.classKey);
    const placed = bindings.length + reservations.length;
    if (said?.placed === placed) {
      rejections.push({ pod: info.pod, reason: 'Unschedulable', message: said.message });
      continue;
    }
    const indexed = index.choose(info, rng);
    const placement: Placement = indexed
      ? { type: 'placed', node: indexed }
      : schedulePod(info, snapshot, rng);
    if (placement.type === 'placed') {
      place(snapshot, info, placement.node);
      index.placed(info, placement.node);
      const binding = { pod: info.pod, nodeName: placement.node.name };
      const volumes = assumeVolumes(info, placement.node, snapshot.storage);
      if (volumes) reservations.push({ ...binding, ...volumes });
      else bindings.push(binding);
    } else {
      const message = explainRefusal(placement, info, snapshot);
      refused.set(info.classKey, { placed, message });
      rejections.push({ pod: info.pod, reason: 'Unschedulable', message });
    }
  }
  return { bindings, reservations, rejections };
}

function byQueueOrder(a: PodInfo, b: PodInfo): number {
  if (a.priority !== b.priority) return b.priority - a.priority;
  const createdA = a.pod.metadata.creationTimestamp ?? '';
  const createdB = b.pod.metadata.creationTimestamp ?? '';
  if (createdA !== createdB) return createdA < createdB ? -1 : 1;
  return a.key < b.key ? -1 : 1;
}
