/**
 * The plan of a Deployment, upstream's syncDeployment as a pure function: claim ReplicaSets, find
 * or create the newest one, scale, roll, clean up, report. It ends early after it created a
 * ReplicaSet or set the revision. INVARIANTS 1: at most replicas + maxSurge pods, at least replicas
 * - maxUnavailable available.
 */
import { jsonEqual } from '../../base/json.ts';
import type { Deployment, Pod, ReplicaSet } from '../../schemas/types.ts';
import { unchanged } from '../../resources/writing/write-plan.ts';
import type { Plan } from '../controller.ts';
import { isDeleting, planClaims, statusUpdate } from '../ownership.ts';
import {
  countStatus,
  type DeploymentStatus,
  type Family,
  isComplete,
  nextDeadlineInMs,
  withProgress,
} from './deployment-status.ts';
import { endsLostPods, planLostReplicaSets } from './plan-lost-replica-sets.ts';
import { type NewReplicaSetStep, planNewReplicaSet, planPauseCondition } from './plan-new-replica-set.ts';
import { planCleanup } from './plan-cleanup.ts';
import { isScalingEvent, planScale } from './plan-scale.ts';
import { planRecreate, planRollingUpdate } from './plan-rollout.ts';
import { createDraft, type Draft } from './replica-set-draft.ts';
import { sameTemplate } from './template-hash.ts';
import { byAge, isRollingUpdate } from './rollout-math.ts';

export interface DeploymentView {
  readonly deployment: Deployment;
  /** ReplicaSets of the namespace that match the selector or are controlled by the Deployment. */
  readonly replicaSets: readonly ReplicaSet[];
  /** The pods of those ReplicaSets. */
  readonly pods: readonly Pod[];
  /** Pods of the namespace without a controller that the selector matches. */
  readonly orphans: readonly Pod[];
  /** Whether a ReplicaSet of this name exists, under any owner. */
  isNameTaken(name: string): boolean;
}

export function planDeployment(view: DeploymentView, nowMs: number): Plan {
  return { ...planSteps(view, nowMs), checks: [unchanged(view.deployment)] };
}

function planSteps(view: DeploymentView, nowMs: number): Plan {
  const { deployment } = view;
  const claims = planClaims(deployment, deployment.spec.selector, view.replicaSets);
  if (claims.adopt.length > 0 || claims.release.length > 0) {
    const writes = [...claims.adopt, ...claims.release].map((object) => ({
      verb: 'update' as const,
      object,
    }));
    return { writes, requeueAfterMs: 0 };
  }
  const family = findFamily(deployment, claims.owned);
  const draft = createDraft(deployment, claims.owned);
  if (isDeleting(deployment)) return report(view, draft, countStatus(family, nowMs));

  const lost = planLostReplicaSets(view);
  if (lost.length > 0) return { writes: lost, requeueAfterMs: 0 };

  const pause = planPauseCondition(deployment, nowMs);
  if (pause) return pause;

  const scaling = !deployment.spec.paused && isScalingEvent(family);
  const mayCreate = !deployment.spec.paused && !scaling && isRollingUpdate(deployment);
  const step = planNewReplicaSet({ ...view, nowMs }, family, draft, mayCreate);
  if (step.done) return finish(step, draft);
  if (deployment.spec.paused || scaling) {
    planScale(family, draft);
    const deletions = deployment.spec.paused ? planCleanup(family) : [];
    return report(view, draft, countStatus(family, nowMs), deletions);
  }
  if (isRollingUpdate(deployment)) planRollingUpdate(family, draft);
  else if (planRecreate(family, { pods: view.pods, endsLostPods: endsLostPods(view) }, draft) === 'create') {
    const created = planNewReplicaSet({ ...view, nowMs }, family, draft, true);
    if (created.done) return finish(created, draft);
  }
  const complete = draft.writes.length === 0 && isComplete(deployment, deployment.status ?? {});
  const status = withProgress(family, countStatus(family, nowMs), nowMs);
  const plan = report(view, draft, status, complete ? planCleanup(family) : []);
  const waitMs = nextDeadlineInMs(deployment, status, nowMs);
  return waitMs === undefined ? plan : { ...plan, requeueAfterMs: waitMs };
}

/** The newest ReplicaSet is the oldest one with the template of the Deployment. */
function findFamily(deployment: Deployment, owned: readonly ReplicaSet[]): Family {
  const ordered = [...owned].sort(byAge);
  const newReplicaSet = ordered.find((set) => sameTemplate(set.spec.template, deployment.spec.template));
  return { deployment, newReplicaSet, oldReplicaSets: ordered.filter((set) => set !== newReplicaSet) };
}

function finish(step: NewReplicaSetStep & { done: true }, draft: Draft): Plan {
  return { writes: [...draft.writes, ...step.writes], events: [...draft.events, ...step.events] };
}

function report(
  { deployment }: DeploymentView,
  draft: Draft,
  status: DeploymentStatus,
  deletions: Plan['writes'] = [],
): Plan {
  const deleted = new Set(deletions.map(({ object }) => object.metadata.name));
  const scaled = draft.writes.filter(({ object }) => !deleted.has(object.metadata.name));
  const changed = !jsonEqual(status, deployment.status);
  return {
    writes: [...scaled, ...deletions, ...(changed ? [statusUpdate({ ...deployment, status })] : [])],
    events: draft.events,
  };
}
