/**
 * The plan of a DaemonSet, upstream's syncDaemonSet as a pure function: claim pods and revisions,
 * bring the history up to date, give each node its pod, roll, report. Pods that agents restored are
 * adopted, never doubled. The status is the one before the commit, as upstream's.
 */
import { jsonEqual } from '../../base/json.ts';
import type { Rng } from '../../base/rng.ts';
import { omit } from '../../schemas/json-access.ts';
import { isRestored } from '../../schemas/pods/pod-marks.ts';
import type { ControllerRevision, DaemonSet, Node, Pod } from '../../schemas/types.ts';
import { unchanged, type Write } from '../../resources/writing/write-plan.ts';
import type { Plan, Refusal } from '../controller.ts';
import { namesOf } from '../owned-pod.ts';
import { deletionOf, isDeleting, planClaims, statusUpdate } from '../ownership.ts';
import type { PlannedEvent } from '../planned-event.ts';
import { nextAvailability } from '../pod-facts.ts';
import { daemonPod, GENERATION_LABEL } from './daemon-pods.ts';
import { daemonSetEvent } from './daemon-set-events.ts';
import { type DaemonSetStatus, statusOf } from './daemon-set-status.ts';
import { type PodChanges, planPods, type PodsInput } from './plan-pods.ts';
import { planHistoryLimit, planRevisions, type Revisions } from './plan-revisions.ts';
import { planRollout } from './plan-rollout.ts';

export interface DaemonSetView {
  readonly daemonSet: DaemonSet;
  /** Revisions that the DaemonSet controls, and orphans that its selector matches. */
  readonly revisions: readonly ControllerRevision[];
  readonly pods: readonly Pod[];
  readonly nodes: readonly Node[];
  readonly rng: Rng;
  /** False while the store is being rebuilt: claim and report only. */
  readonly mayAct: boolean;
  /** The revision of this name in the namespace, under any controller. */
  named(name: string): ControllerRevision | undefined;
  /** Milliseconds until a failed pod of the node may be deleted; 0: now. */
  failureWaitMs(node: string): number;
}

export interface DaemonSetPlan extends Plan {
  /** Nodes whose failed pods go: the next failure there waits longer. */
  readonly failedOn?: readonly string[];
}

/** Pods created, and pods deleted, in one commit, as upstream's burst; the rest follows. */
export const BURST_PODS = 250;

export function planDaemonSet(view: DaemonSetView, nowMs: number): DaemonSetPlan | undefined {
  const { daemonSet, mayAct } = view;
  // Its history may be gone before its pods: their revision is unknown then.
  if (isDeleting(daemonSet)) return undefined;
  const checks = [unchanged(daemonSet)];
  const claims = planClaims(daemonSet, daemonSet.spec.selector, view.pods);
  const history = planClaims(daemonSet, daemonSet.spec.selector, view.revisions);
  const claiming = [
    ...[...history.adopt, ...history.release],
    ...[...claims.adopt.map(withoutGeneration), ...claims.release],
  ];
  if (claiming.length > 0)
    return {
      writes: claiming.map((object) => ({ verb: 'update', object })),
      checks,
      requeueAfterMs: 0,
    };
  const revisions = planRevisions({ ...view, revisions: history.owned, pods: claims.owned });
  const input: PodsInput = { ...view, hash: revisions.hash, pods: claims.owned };
  if (!mayAct) return { writes: report(daemonSet, statusOf(input, nowMs)), checks };
  if (revisions.writes.length > 0) return { ...planHistory(daemonSet, revisions), checks };
  return { ...planActions(view, input, revisions, nowMs), checks };
}

/**
 * The generation of a template says nothing about pods of an earlier life of the store: it began
 * again with 1. Their hash does.
 */
function withoutGeneration(pod: Pod): Pod {
  if (!isRestored(pod)) return pod;
  return { ...pod, metadata: { ...pod.metadata, labels: omit(pod.metadata.labels ?? {}, GENERATION_LABEL) } };
}

function planHistory(daemonSet: DaemonSet, { writes, collisionCount }: Revisions): Plan {
  const { status } = daemonSet;
  const counted = {
    currentNumberScheduled: 0,
    desiredNumberScheduled: 0,
    numberMisscheduled: 0,
    numberReady: 0,
    ...status,
    ...(collisionCount === undefined ? {} : { collisionCount }),
  };
  const collided = collisionCount === status?.collisionCount ? [] : report(daemonSet, counted);
  return { writes: [...writes, ...collided], requeueAfterMs: 0 };
}

function planActions(
  view: DaemonSetView,
  input: PodsInput,
  { old }: Revisions,
  nowMs: number,
): DaemonSetPlan {
  const { daemonSet } = view;
  const changes = planPods(input, nowMs);
  const isSettled = changes.createOn.length === 0 && changes.remove.length === 0;
  const { createOn, remove } = isSettled ? planRollout(input, nowMs) : changes;
  const removed = remove.slice(0, BURST_PODS);
  const taken = namesOf(input.pods);
  const actions = [
    ...createOn.slice(0, BURST_PODS).map((node) => creation(view, input, node, taken)),
    ...removed.map((pod) => deletion(daemonSet, pod)),
  ];
  const observed: DaemonSetStatus = {
    ...statusOf(input, nowMs),
    observedGeneration: daemonSet.metadata.generation ?? 0,
  };
  return {
    writes: [
      ...actions.map(({ write }) => write),
      ...planHistoryLimit(daemonSet, old, input.pods),
      ...report(daemonSet, observed),
    ],
    events: [...changes.events, ...actions],
    piecemeal: true,
    failedOn: changes.failedOn,
    ...requeue(input, changes, nowMs),
  };
}

type Action = PlannedEvent & { readonly write: Write };

function creation(
  { daemonSet, rng }: DaemonSetView,
  input: PodsInput,
  node: string,
  taken: Set<string>,
): Action {
  const object = daemonPod(input, node, rng, taken);
  return {
    ...daemonSetEvent('created', daemonSet, object.metadata.name),
    write: { verb: 'create', object },
  };
}

const deletion = (daemonSet: DaemonSet, pod: Pod): Action => ({
  ...daemonSetEvent('deleted', daemonSet, pod.metadata.name),
  write: deletionOf(pod),
});

/** No change tells that a pod became available, or that a failed one may be deleted. */
function requeue(
  { daemonSet, pods }: PodsInput,
  { waitMs }: PodChanges,
  nowMs: number,
): Pick<Plan, 'requeueAfterMs'> {
  const available = nextAvailability(pods, daemonSet.spec.minReadySeconds ?? 0, nowMs);
  const waits = [waitMs, available].filter((ms) => ms !== undefined);
  return waits.length === 0 ? {} : { requeueAfterMs: Math.min(...waits) };
}

const report = (daemonSet: DaemonSet, status: DaemonSetStatus): readonly Write[] =>
  jsonEqual(status, daemonSet.status) ? [] : [statusUpdate({ ...daemonSet, status })];

/** Pods were refused (invalid, forbidden, no quota): the DaemonSet reports what it has. */
export function planRefusedPods(
  view: DaemonSetView,
  { message, namespaceGoes }: Refusal,
  nowMs: number,
): Plan | undefined {
  const plan = planDaemonSet({ ...view, mayAct: false }, nowMs);
  return (
    plan && { ...plan, events: namespaceGoes ? [] : [daemonSetEvent('refused', view.daemonSet, message)] }
  );
}
