/**
 * The plan of a ReplicaSet, or of a ReplicationController: claim pods, create what is missing,
 * delete what is too much, report. All is one commit; as upstream's, the status is the one before
 * it. Pods that agents restored are adopted, never doubled.
 */
import { toRfc3339 } from '../../base/clock.ts';
import { jsonEqual } from '../../base/json.ts';
import type { Rng } from '../../base/rng.ts';
import { controllerOf } from '../../schemas/object.ts';
import { restoredOwnerOf } from '../../schemas/pods/pod-marks.ts';
import { asLabelSelector, matchesLabelSelector } from '../../schemas/values/selectors.ts';
import type { Pod, ReplicaSet, ReplicationController } from '../../schemas/types.ts';
import { unchanged, type Write } from '../../resources/writing/write-plan.ts';
import type { Plan, Refusal } from '../controller.ts';
import { deletionOf, isDeleting, planClaims, statusUpdate } from '../ownership.ts';
import { alike, namesOf, podFromTemplate, roomForPods } from '../owned-pod.ts';
import { type EventText, eventsOf, type PlannedEvent } from '../planned-event.ts';
import { availableInMs, isActive, isReady, isTerminating, nextAvailability } from '../pod-facts.ts';
import { rankForDeletion } from './rank-pods.ts';

/** Keeps a number of equal pods. */
export type Replicator = ReplicaSet | ReplicationController;

export interface ReplicaSetView {
  readonly replicaSet: Replicator;
  /** Every pod of the namespace that the ReplicaSet's selector matches or that it controls. */
  readonly pods: readonly Pod[];
  /** Active pods of all ReplicaSets with the same controller, this one's included. */
  readonly related: readonly Pod[];
  readonly rng: Rng;
  /** False while the store is being rebuilt: claim and report only. */
  readonly mayAct: boolean;
  /** The last attempt to create or delete pods was refused with this. */
  readonly failure?: { readonly reason: 'FailedCreate' | 'FailedDelete'; readonly message: string };
}

export const REPLICA_EVENTS = {
  created: {
    type: 'Normal',
    reason: 'SuccessfulCreate',
    message: (pod: string) => `Created pod: ${pod}`,
  },
  deleted: { type: 'Normal', reason: 'SuccessfulDelete', message: (pod: string) => `Deleted pod: ${pod}` },
  refused: {
    type: 'Warning',
    reason: 'FailedCreate',
    message: (refusal: string) => `Error creating: ${refusal}`,
  },
} satisfies Readonly<Record<string, EventText>>;

const event = eventsOf<typeof REPLICA_EVENTS>();

export const selectorOf = (replicator: Replicator): unknown =>
  asLabelSelector(replicator, replicator.spec.selector);

/** Pods created or deleted in one commit, as upstream's burst; the rest follows in the next. */
export const BURST_REPLICAS = 500;

export function planReplicaSet(view: ReplicaSetView, nowMs: number): Plan {
  const { replicaSet } = view;
  const candidates = view.pods.filter((pod) => isClaimable(pod, replicaSet));
  const claims = planClaims(replicaSet, selectorOf(replicaSet), candidates);
  const active = claims.owned.filter(isActive);
  const changes: readonly Change[] = [
    ...[...claims.adopt, ...claims.release].map((object): Change => ({ write: { verb: 'update', object } })),
    // A commit writes a pod once: the next plan deletes one that was adopted now.
    ...scaling(view, active, claims.adopt.length === 0, nowMs),
  ];
  const status = statusOf(view, active, claims.owned.filter(isTerminating), nowMs);
  const report = jsonEqual(status, replicaSet.status) ? [] : [statusUpdate({ ...replicaSet, status })];
  const isMore = changes.filter(({ event: happened }) => happened).length === BURST_REPLICAS;
  const requeueAfterMs = isMore ? 0 : nextAvailability(active, replicaSet.spec.minReadySeconds ?? 0, nowMs);
  return {
    writes: [...changes.map(({ write }) => write), ...report],
    checks: [unchanged(replicaSet)],
    events: changes.flatMap(({ write, event: happened }) => (happened ? [{ ...happened, write }] : [])),
    piecemeal: true,
    ...(requeueAfterMs === undefined ? {} : { requeueAfterMs }),
  };
}

/** Pods were refused (invalid, forbidden, no quota): the ReplicaSet says so. */
export function planRefusedPods(
  view: ReplicaSetView,
  { message, namespaceGoes }: Refusal,
  nowMs: number,
): Plan {
  if (namespaceGoes) return planReplicaSet({ ...view, mayAct: false }, nowMs);
  const plan = planReplicaSet({ ...view, failure: { reason: 'FailedCreate', message } }, nowMs);
  return { ...plan, events: [event('refused', view.replicaSet, message)] };
}

interface Change {
  readonly write: Write;
  readonly event?: PlannedEvent;
}

/** The pods to create or to delete. */
function scaling(
  { replicaSet, pods, related, rng, mayAct, failure }: ReplicaSetView,
  active: readonly Pod[],
  mayDelete: boolean,
  nowMs: number,
): readonly Change[] {
  if (!mayAct || isDeleting(replicaSet) || failure !== undefined) return [];
  const missing = (replicaSet.spec.replicas ?? 1) - active.length;
  if (missing > 0) {
    const taken = namesOf(pods);
    const make = (): Pod => podFromTemplate(replicaSet, replicaSet.spec.template, rng, taken);
    const count = Math.min(missing, BURST_REPLICAS, roomForPods(active));
    return alike(make, count, rng, taken).map(
      (object): Change => ({
        write: { verb: 'create', object },
        event: event('created', replicaSet, object.metadata.name),
      }),
    );
  }
  if (!mayDelete || missing === 0) return [];
  return rankForDeletion(active, related, nowMs)
    .slice(0, Math.min(-missing, BURST_REPLICAS))
    .map((pod) => ({ write: deletionOf(pod), event: event('deleted', replicaSet, pod.metadata.name) }));
}

/** A pod that has ended is not adopted, unless it was ours before history was lost. */
function isClaimable(pod: Pod, { kind, metadata }: Replicator): boolean {
  if (isActive(pod) || controllerOf(pod)) return true;
  const owner = restoredOwnerOf(pod);
  return owner?.kind === kind && owner.name === metadata.name;
}

type ReplicaSetStatus = NonNullable<ReplicaSet['status']>;

function statusOf(
  view: ReplicaSetView,
  active: readonly Pod[],
  terminating: readonly Pod[],
  nowMs: number,
): ReplicaSetStatus {
  const { replicaSet } = view;
  const minReadySeconds = replicaSet.spec.minReadySeconds ?? 0;
  const templateLabels = { matchLabels: replicaSet.spec.template?.metadata?.labels ?? {} };
  const labelled = active.filter((pod) => matchesLabelSelector(templateLabels, pod.metadata.labels)).length;
  const ready = active.filter(isReady).length;
  const available = active.filter((pod) => availableInMs(pod, minReadySeconds, nowMs) === 0).length;
  const conditions = conditionsOf(view, nowMs);
  return {
    ...(available > 0 ? { availableReplicas: available } : {}),
    ...(conditions.length > 0 ? { conditions } : {}),
    ...(labelled > 0 ? { fullyLabeledReplicas: labelled } : {}),
    observedGeneration: replicaSet.metadata.generation ?? 0,
    ...(ready > 0 ? { readyReplicas: ready } : {}),
    replicas: active.length,
    ...(replicaSet.kind === 'ReplicaSet' ? { terminatingReplicas: terminating.length } : {}),
  };
}

function conditionsOf(
  { replicaSet, failure, mayAct }: ReplicaSetView,
  nowMs: number,
): NonNullable<ReplicaSetStatus['conditions']> {
  const existing = replicaSet.status?.conditions ?? [];
  if (!mayAct) return existing;
  const others = existing.filter((condition) => condition.type !== 'ReplicaFailure');
  if (!failure) return others;
  const current = existing.find((condition) => condition.type === 'ReplicaFailure');
  if (current) return existing;
  const lastTransitionTime = toRfc3339(nowMs);
  return [...others, { type: 'ReplicaFailure', status: 'True', lastTransitionTime, ...failure }];
}
