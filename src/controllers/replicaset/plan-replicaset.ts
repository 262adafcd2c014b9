/**
 * One look at a ReplicaSet, or at a ReplicationController, which does the same under its older name: claim pods, create what is missing, delete what is too much, report. All in one commit, and
 * the status is the one before the commit's own effects, as upstream's.
 *
 * Never creates while a matching pod without owner could be adopted instead: what an agent restored is taken, not doubled.
 */
import { toRfc3339 } from '../../base/clock.ts';
import { jsonEqual } from '../../base/json.ts';
import { nameSuffix, type Rng } from '../../base/rng.ts';
import type { EventInput } from '../../client/plan-event.ts';
import { controllerOf } from '../../schemas/object.ts';
import { RESTORED_OWNER } from '../../schemas/pods/pod-marks.ts';
import { asLabelSelector, matchesLabelSelector } from '../../schemas/values/selectors.ts';
import type { Pod, ReplicaSet, ReplicationController } from '../../schemas/types.ts';
import { unchanged, type Write } from '../../resources/writing/write-plan.ts';
import type { Plan } from '../controller.ts';
import { controllerReference, isDeleting, planClaims } from '../ownership.ts';
import { availableInMs, isActive, isReady, isTerminating } from '../pod-facts.ts';
import { rankForDeletion } from './rank-pods.ts';

/** What keeps a number of equal pods. */
export type Replicator = ReplicaSet | ReplicationController;

export interface ReplicaSetInput {
  readonly replicaSet: Replicator;
  /** Every pod of the namespace that the ReplicaSet's selector matches or that it controls. */
  readonly pods: readonly Pod[];
  /** Active pods of all ReplicaSets with the same controller, this one's included. */
  readonly related: readonly Pod[];
  readonly nowMs: number;
  readonly rng: Rng;
  /** False while the store is being rebuilt: claim and report only. */
  readonly mayAct: boolean;
  /** The last attempt to create or delete pods was refused with this. */
  readonly failure?: { readonly reason: 'FailedCreate' | 'FailedDelete'; readonly message: string };
}

/** Who events say it was. */
export const componentOf = ({ kind }: Replicator): string =>
  kind === 'ReplicationController' ? 'replication-controller' : 'replicaset-controller';

export const selectorOf = (replicator: Replicator): unknown =>
  asLabelSelector(replicator, replicator.spec.selector);

/** Pods created or deleted in one commit, as upstream's burst; the rest follows in the next. */
export const BURST_REPLICAS = 500;

/** A generated name keeps this much of its prefix, so that the whole stays within 63 characters. */
const MAX_GENERATED_PREFIX = 58;

export function planReplicaSet(input: ReplicaSetInput): Plan {
  const { replicaSet, nowMs } = input;
  const candidates = input.pods.filter((pod) => isClaimable(pod, replicaSet));
  const claims = planClaims(replicaSet, selectorOf(replicaSet), candidates);
  const active = claims.owned.filter(isActive);
  const terminating = claims.owned.filter(isTerminating);
  const events: EventInput[] = [];
  const writes: Write[] = [...claims.adopt, ...claims.release].map((object) => ({ verb: 'update', object }));
  const wanted = replicaSet.spec.replicas ?? 1;
  const managing = input.mayAct && !isDeleting(replicaSet) && input.failure === undefined;

  const missing = wanted - active.length;
  if (managing && missing > 0) {
    for (let index = 0; index < Math.min(missing, BURST_REPLICAS); index += 1) {
      const pod = podFromTemplate(replicaSet, input.rng);
      writes.push({ verb: 'create', object: pod });
      events.push(normal(replicaSet, 'SuccessfulCreate', `${CREATED}${pod.metadata.name}`));
    }
  }
  // A pod is written once in a commit: what was adopted just now can only be deleted at the next look.
  if (managing && missing < 0 && claims.adopt.length === 0) {
    const ranked = rankForDeletion(active, input.related, nowMs);
    for (const pod of ranked.slice(0, Math.min(-missing, BURST_REPLICAS))) {
      const preconditions = pod.metadata.uid ? { uid: pod.metadata.uid } : {};
      writes.push({ verb: 'delete', object: pod, options: { preconditions } });
      events.push(normal(replicaSet, 'SuccessfulDelete', `Deleted pod: ${pod.metadata.name}`));
    }
  }

  const status = statusOf(input, active, terminating);
  const reported = replicaSet.status;
  if (!jsonEqual(status, reported)) {
    writes.push({ verb: 'update', object: { ...replicaSet, status }, subresource: 'status' });
  }
  const requeueAfterMs = nextAvailability(active, replicaSet.spec.minReadySeconds ?? 0, nowMs);
  const checks = [unchanged(replicaSet)];
  return { writes, checks, events, ...(requeueAfterMs === undefined ? {} : { requeueAfterMs }) };
}

const CREATED = 'Created pod: ';

/** The pod whose creation an event of a plan reports; empty for other events. */
export const createdPod = ({ reason, message }: EventInput): string =>
  reason === 'SuccessfulCreate' ? message.slice(CREATED.length) : '';

/** A pod that has ended is not adopted (nobody would count it), unless it is ours, or was before history was lost. */
function isClaimable(pod: Pod, { kind, metadata }: Replicator): boolean {
  if (isActive(pod) || controllerOf(pod)) return true;
  return pod.metadata.annotations?.[RESTORED_OWNER] === `${kind}/${metadata.name}`;
}

function normal(about: Replicator, reason: string, message: string): EventInput {
  return { about, type: 'Normal', reason, message, component: componentOf(about) };
}

/** The name is chosen here, so that the plan says everything; `generateName` shows where it came from. */
export function podFromTemplate(replicaSet: Replicator, rng: Rng): Pod {
  const { template } = replicaSet.spec;
  const generateName = `${replicaSet.metadata.name}-`;
  const { labels, annotations, finalizers } = template?.metadata ?? {};
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: `${generateName.slice(0, MAX_GENERATED_PREFIX)}${nameSuffix(rng)}`,
      generateName,
      ...(replicaSet.metadata.namespace ? { namespace: replicaSet.metadata.namespace } : {}),
      ...(labels ? { labels: { ...labels } } : {}),
      ...(annotations ? { annotations: { ...annotations } } : {}),
      ...(finalizers ? { finalizers: [...finalizers] } : {}),
      ownerReferences: [controllerReference(replicaSet)],
    },
    spec: { containers: [], ...template?.spec },
  };
}

type ReplicaSetStatus = NonNullable<ReplicaSet['status']>;

function statusOf(
  input: ReplicaSetInput,
  active: readonly Pod[],
  terminating: readonly Pod[],
): ReplicaSetStatus {
  const { replicaSet, nowMs } = input;
  const minReadySeconds = replicaSet.spec.minReadySeconds ?? 0;
  const templateLabels = { matchLabels: replicaSet.spec.template?.metadata?.labels ?? {} };
  const labelled = active.filter((pod) => matchesLabelSelector(templateLabels, pod.metadata.labels)).length;
  const ready = active.filter(isReady).length;
  const available = active.filter((pod) => availableInMs(pod, minReadySeconds, nowMs) === 0).length;
  const conditions = conditionsOf(input);
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

function conditionsOf({
  replicaSet,
  failure,
  nowMs,
  mayAct,
}: ReplicaSetInput): NonNullable<ReplicaSetStatus['conditions']> {
  const existing = replicaSet.status?.conditions ?? [];
  if (!mayAct) return existing;
  const others = existing.filter((condition) => condition.type !== 'ReplicaFailure');
  if (!failure) return others;
  const current = existing.find((condition) => condition.type === 'ReplicaFailure');
  if (current) return existing;
  const lastTransitionTime = toRfc3339(nowMs);
  return [...others, { type: 'ReplicaFailure', status: 'True', lastTransitionTime, ...failure }];
}

/** Milliseconds until the next ready pod counts as available. */
function nextAvailability(
  active: readonly Pod[],
  minReadySeconds: number,
  nowMs: number,
): number | undefined {
  const waits = active
    .flatMap((pod) => availableInMs(pod, minReadySeconds, nowMs) ?? [])
    .filter((ms) => ms > 0);
  return waits.length === 0 ? undefined : Math.min(...waits);
}
