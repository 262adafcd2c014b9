/** The outcome of one reconcile, from its plans and refusals. Pure. */
import type { ChangeSet } from '../../diff/change-set.ts';
import type { ApplyError } from '../execute/apply-changes.ts';
import type { ComparedView } from '../types.ts';
import { completeBaseline } from './plan-brake.ts';
import { MAX_PROBLEMS, conditionOf, planConditions } from './plan-conditions.ts';
import { fightMessages, fightOverMs } from './plan-fights.ts';
import type { NamespacePlan } from './plan-namespaces.ts';
import { nextTryMs, retryPolicyOf } from './plan-retry.ts';
import { type SyncPlan, mayApply } from './plan-sync.ts';
import type { SyncOutcome } from './sync-outcome.ts';

/** Other applications read a commit within a moment of each other. */
const HAND_OVER_RETRY_MS = 1_000;
/** A quota's controller counts within milliseconds; without one, the sync goes on. */
export const QUOTA_PATIENCE_MS = 5_000;

/** Where a reconcile ended. */
export interface End {
  readonly changeSet?: ChangeSet;
  readonly namespaces?: NamespacePlan;
  readonly plan?: SyncPlan;
  readonly tooLong?: boolean;
  readonly failed?: string;
  /** Writes that the author of the application may not make. */
  readonly denied?: readonly string[];
  readonly retryAtMs?: number | undefined;
}

export function planOutcome(view: ComparedView, end: End): SyncOutcome {
  const { application, known, objects, source, baseline, progress } = view;
  const { attempt, fights, claims } = objects;
  const { changeSet, plan, denied = [], namespaces } = end;
  const missing = namespaces?.missing ?? [];
  const deleting = changeSet?.problems.find(({ code }) => code === 'being-deleted')?.message;
  const refusals = [...progress.refused.values()].map(refusalText);
  const problems = problemsOf(view, end, refusals);
  const ended = plan !== undefined && plan.step.length === 0 && plan.last && plan.failed === undefined;
  const isOthersTurn = fights.size + claims.waitingFor.length > 0;
  const applied = ended && problems.length === 0 && deleting === undefined && !isOthersTurn;
  const complete = applied && changeSet?.withheld === 0;
  return {
    applied,
    extraneous: (changeSet?.held.length ?? 0) > 0,
    compared: true,
    baseline: complete ? completeBaseline(application, source, known.revision ?? '', baseline) : undefined,
    problems: problems.slice(0, MAX_PROBLEMS),
    problemCount: problems.length,
    isWaiting: plan?.waitingFor !== undefined,
    obstacle: obstacleOf(view, plan, deleting),
    conditions: planConditions(view, changeSet, [...denied, ...missing, ...refusals]),
    retry: end.tooLong === true || deleting !== undefined,
    retryAtMs: nextReconcileMs(view, end),
    // Waiting for others does not undo an operation that has succeeded.
    idle:
      plan?.idle === true ||
      (isOthersTurn && !(attempt.newCommit && mayApply(attempt)) && problems.length === 0),
  };
}

/** The outcome where nothing could be compared. */
export function comparisonFailure(problems: readonly string[], obstacle: string | undefined): SyncOutcome {
  return {
    applied: false,
    extraneous: false,
    compared: false,
    problems: problems.slice(0, MAX_PROBLEMS),
    problemCount: problems.length,
    obstacle,
    isWaiting: false,
    conditions: conditionOf('ComparisonError', [...problems, obstacle]),
    retry: obstacle !== undefined,
    retryAtMs: undefined,
    idle: false,
  };
}

function problemsOf(
  { objects: { claims } }: ComparedView,
  { changeSet, namespaces, plan, failed: failure, denied = [] }: End,
  refusals: readonly string[],
): readonly string[] {
  const failed = plan?.failed ?? failure;
  return [
    ...denied,
    ...(failed === undefined || refusals.includes(failed) ? [] : [failed]),
    ...(namespaces?.missing ?? []),
    ...(changeSet?.problems ?? [])
      .filter(({ code, manager = '' }) => code !== 'being-deleted' && !claims.waitingFor.includes(manager))
      .map(({ message }) => message),
    ...refusals,
  ];
}

function obstacleOf(
  { known, nowMs, progress, objects: { fights, claims } }: ComparedView,
  plan: SyncPlan | undefined,
  deleting: string | undefined,
): string | undefined {
  if (plan?.waitingFor !== undefined) return `Waiting for ${plan.waitingFor}`;
  const [unread] = claims.waitingFor;
  const waiting = unread && `Waiting for application "${unread}" to read the commit`;
  const fight = fights.size === 0 ? undefined : fightMessages(known.heals, nowMs)[0];
  return deleting ?? progress.obstacle ?? waiting ?? fight;
}

/** When time alone gives a reason for another reconcile. */
function nextReconcileMs(view: ComparedView, { plan, retryAtMs }: End): number | undefined {
  const { application, known, operation, progress, nowMs } = view;
  const { fights, claims } = view.objects;
  const failures = (operation?.retryCount ?? 0) + 1;
  const hookRetryMs =
    plan?.failed === undefined
      ? retryAtMs
      : operation && nextTryMs(retryPolicyOf(application), failures, nowMs);
  const waits = [
    hookRetryMs,
    // Earlier refusals are remembered for their number. Without one, nothing is tried again.
    progress.refused.size === 0 ? undefined : known.refused?.retryAtMs,
    fightOverMs(known.heals, nowMs),
    claims.waitingFor.length === 0 ? undefined : nowMs + HAND_OVER_RETRY_MS,
    ...[...known.quotas.values()].map((sinceMs) => sinceMs + QUOTA_PATIENCE_MS),
    ...fights.values(),
  ].filter((at) => at !== undefined);
  return waits.length === 0 ? undefined : Math.min(...waits);
}

export function refusalText({ change, message }: ApplyError): string {
  const isUnadvised = message.includes('field is immutable') && !message.includes('Force=true');
  const advice = isUnadvised
    ? '; to replace the object, annotate it with argocd.argoproj.io/sync-options: Force=true'
    : '';
  return `${change.origin ?? change.key}: ${message}${advice}`;
}
