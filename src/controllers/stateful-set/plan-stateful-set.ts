/**
 * The plan of a StatefulSet, upstream's syncStatefulSet as a pure function: adopt, find or make the
 * revision of the template, make and mend pods in order, scale down, update, report, truncate the
 * history.
 */
import { jsonEqual } from '../../base/json.ts';
import { unchanged, type Write } from '../../resources/writing/write-plan.ts';
import { controllerOf } from '../../schemas/object.ts';
import type { ControllerRevision, Pod, StatefulSet } from '../../schemas/types.ts';
import type { Plan, Refusal } from '../controller.ts';
import {
  planTruncation,
  planUpdateRevision,
  templateOf,
  type UpdateRevision,
} from '../revision-history/plan-revision-history.ts';
import { type Claims, isDeleting, planClaims, statusUpdate, withoutOwner } from '../ownership.ts';
import { nextAvailability } from '../pod-facts.ts';
import { isMember, ordinalOf, podNameOf, revisionOf, startOf } from './identity.ts';
import { historyOf, planLostParts } from './plan-lost-parts.ts';
import { planScaleDown, planUpdate } from './plan-removals.ts';
import { planReplicas } from './plan-replicas.ts';
import { type Round, type StatefulSetView, tell } from './round.ts';
import { statusOf } from './stateful-set-status.ts';

export const selectorOf = ({ spec }: StatefulSet): unknown => spec.selector;

export function planStatefulSet(view: StatefulSetView, nowMs: number): Plan {
  return { ...planSteps(view, nowMs), checks: [unchanged(view.set)], piecemeal: true };
}

function planSteps(view: StatefulSetView, nowMs: number): Plan {
  const { set } = view;
  const pods = claimPods(view);
  const revisions = planClaims(set, selectorOf(set), view.revisions);
  const lost = view.isRefused === true || isDeleting(set) ? [] : planLostParts(view, revisions.owned);
  // A restored pod loses its mark as it is adopted, so this comes first.
  if (lost.length > 0) return { writes: lost, requeueAfterMs: 0 };
  const claimed = [...revisions.adopt, ...pods.adopt, ...pods.release];
  if (claimed.length > 0)
    return { writes: claimed.map((object) => ({ verb: 'update', object })), requeueAfterMs: 0 };
  const history = planUpdateRevision(historyOf(view, revisions.owned));
  // A set that is being deleted gets nothing new, not even a revision.
  if (isDeleting(set) && history.writes.length > 0) return { writes: [] };
  const round = openRound(view, pods.owned, { revisions: revisions.owned, history }, nowMs);
  const updating = isDeleting(set) ? 0 : planPods(round);
  return finish(round, { pods: pods.owned, revisions: revisions.owned, history, updating });
}

/** A pod must also match by name: other pods with these labels do not belong to the set. */
function claimPods({ set, pods }: StatefulSetView): Claims<Pod> {
  const claims = planClaims(
    set,
    selectorOf(set),
    pods.filter((pod) => isMember(set, pod)),
  );
  const uid = set.metadata.uid ?? '';
  const strangers = pods.filter((pod) => !isMember(set, pod) && controllerOf(pod)?.uid === uid);
  if (isDeleting(set)) return claims;
  return { ...claims, release: [...claims.release, ...strangers.map((pod) => withoutOwner(pod, uid))] };
}

interface Past {
  readonly revisions: readonly ControllerRevision[];
  readonly history: UpdateRevision;
}

function openRound(
  view: StatefulSetView,
  pods: readonly Pod[],
  { revisions, history }: Past,
  nowMs: number,
): Round {
  const { set } = view;
  const update = { name: history.revision.metadata.name, template: set.spec.template };
  const remembered = revisions.find(({ metadata }) => metadata.name === set.status?.currentRevision);
  const template = remembered && templateOf(remembered);
  return {
    view,
    nowMs,
    pods: new Map(pods.map((pod) => [ordinalOf(pod), pod])),
    current: template ? { name: remembered.metadata.name, template } : update,
    update,
    isOrdered: set.spec.podManagementPolicy !== 'Parallel',
    writes: [...history.writes],
    events: [],
  };
}

/** The number of pods that are deleted to update them. */
function planPods(round: Round): number {
  return planReplicas(round) && planScaleDown(round) ? planUpdate(round) : 0;
}

interface Outcome extends Past {
  readonly pods: readonly Pod[];
  readonly updating: number;
}

function finish(round: Round, { pods, revisions, history, updating }: Outcome): Plan {
  const { view, current, update, nowMs, writes, events } = round;
  const { set, isRefused = false } = view;
  const { collisionCount = 0 } = history;
  const names = { current: current.name, update: update.name, collisionCount };
  const status = statusOf({ set, pods, revisions: names, updating }, nowMs);
  const report = jsonEqual(status, set.status) ? [] : [statusUpdate({ ...set, status })];
  const all: readonly Write[] = [...writes, ...report, ...truncation(round, pods, revisions)];
  const requeueAfterMs = nextAvailability(pods, set.spec.minReadySeconds ?? 0, nowMs);
  return {
    writes: isRefused ? all.filter(({ verb }) => verb !== 'create') : all,
    events: isRefused ? [] : events,
    ...(requeueAfterMs === undefined ? {} : { requeueAfterMs }),
  };
}

/** Revisions that neither the set nor a pod has are kept as `revisionHistoryLimit` says. */
function truncation(
  { view: { set }, current, update }: Round,
  pods: readonly Pod[],
  revisions: readonly ControllerRevision[],
): readonly Write[] {
  const limit = set.spec.revisionHistoryLimit ?? 10;
  if (limit < 0 || isDeleting(set)) return [];
  const live = new Set([current.name, update.name, ...pods.map(revisionOf)]);
  const unneeded = revisions.filter(({ metadata }) => !live.has(metadata.name));
  return planTruncation(unneeded, unneeded.length - limit);
}

/** Pods or claims were refused (invalid, forbidden, no quota): an event says so. */
export function planRefusedPods(
  view: StatefulSetView,
  { message, namespaceGoes }: Refusal,
  nowMs: number,
): Plan {
  const plan = planStatefulSet({ ...view, isRefused: true }, nowMs);
  if (namespaceGoes) return plan;
  const { set } = view;
  const events: Round['events'] = [];
  const [, pod = podNameOf(set, startOf(set))] = /^pods? "([^"]+)"/i.exec(message) ?? [];
  tell({ view, events }, 'createFailed', pod, { error: message });
  return { ...plan, events };
}
