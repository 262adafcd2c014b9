/** One round of a StatefulSet while its plan is made: what it was made from, and its changes. */
import type { Write } from '../../resources/writing/write-plan.ts';
import type { ControllerRevision, PersistentVolumeClaim, Pod, StatefulSet } from '../../schemas/types.ts';
import { deletionOf } from '../ownership.ts';
import { eventsOf, type EventTexts, normal, type PlannedEvent, warning } from '../planned-event.ts';
import type { PodRevision } from './identity.ts';

export interface StatefulSetView {
  readonly set: StatefulSet;
  /** Pods that the set controls, and those without a controller that its selector matches. */
  readonly pods: readonly Pod[];
  /** Its revisions, and those without a controller that its selector matches. */
  readonly revisions: readonly ControllerRevision[];
  /** Finds an object of the namespace, under any controller. */
  revisionNamed(name: string): ControllerRevision | undefined;
  claimNamed(name: string): PersistentVolumeClaim | undefined;
  podNamed(name: string): Pod | undefined;
  /** Nodes that may run pods of the set which the store does not know. */
  readonly unreportedNodes?: readonly string[];
  /** The API has refused what the last plan would create: report only. */
  readonly isRefused?: boolean;
}

export const STATEFUL_SET_EVENTS = {
  component: 'statefulset-controller',
  texts: {
    created: done('Create'),
    updated: done('Update'),
    deleted: done('Delete'),
    createFailed: failed('Create'),
    updateFailed: failed('Update'),
    claimCreated: normal(
      'SuccessfulCreate',
      (claim, pod, set) => `Create Claim ${claim} Pod ${pod} in StatefulSet ${set} success`,
    ),
    conflict: warning(
      'ConflictingController',
      (claim) =>
        `PersistentVolumeClaim ${claim} has a conflicting OwnerReference that acts as a manging controller, the retention policy is ignored for this claim`,
    ),
  },
} satisfies EventTexts;

function done(verb: string): EventTexts['texts'][string] {
  return normal(`Successful${verb}`, (pod, set) => `${verb} Pod ${pod} in StatefulSet ${set} successful`);
}

function failed(verb: string): EventTexts['texts'][string] {
  return warning(
    `Failed${verb}`,
    (pod, set, error) => `${verb} Pod ${pod} in StatefulSet ${set} failed error: ${error}`,
  );
}

export const statefulSetEvent = eventsOf<typeof STATEFUL_SET_EVENTS.texts>();

export interface Round {
  readonly view: StatefulSetView;
  readonly nowMs: number;
  /** The pods of the set, by ordinal. */
  readonly pods: ReadonlyMap<number, Pod>;
  readonly current: PodRevision;
  readonly update: PodRevision;
  /** Pods are made and deleted one after the other (`OrderedReady`). */
  readonly isOrdered: boolean;
  readonly writes: Write[];
  readonly events: PlannedEvent[];
}

/** About a pod of the set. */
export function tell(
  { view: { set }, events }: Pick<Round, 'view' | 'events'>,
  event: 'created' | 'updated' | 'deleted' | 'createFailed' | 'updateFailed',
  pod: string,
  { write, error }: { readonly write?: Write; readonly error?: string } = {},
): void {
  const args = [pod, set.metadata.name, ...(error === undefined ? [] : [error])];
  const planned = statefulSetEvent(event, set, ...args);
  events.push(write ? { ...planned, write } : planned);
}

export function deletePod(round: Round, pod: Pod): void {
  const write = deletionOf(pod);
  round.writes.push(write);
  tell(round, 'deleted', pod.metadata.name, { write });
}
