/** What one look at an application came to, from what was planned and refused in it. Pure. */
import type { ChangeSet } from '../../diff/change-set.ts';
import type { Application, ApplicationSource } from '../../schemas/types.ts';
import type { ApplicationCache } from '../cache/application-cache.ts';
import type { ApplyError } from '../execute/apply-changes.ts';
import type { OperationState } from './operation.ts';
import { type PruneBaseline, completeBaseline } from './plan-brake.ts';
import { MAX_PROBLEMS, planConditions } from './plan-conditions.ts';
import { fightMessages, fightOverMs } from './plan-fights.ts';
import type { NamespacePlan } from './plan-namespaces.ts';
import { nextTryMs, retryPolicyOf } from './plan-retry.ts';
import type { SyncPlan } from './plan-sync.ts';
import type { SyncOutcome } from './sync-outcome.ts';

/** Other applications read a commit within a moment of each other. */
const HAND_OVER_RETRY_MS = 1_000;
/** A quota's controller counts within milliseconds; without one, the sync goes on. */
export const QUOTA_PATIENCE_MS = 5_000;

export interface OutcomeInput {
  readonly application: Application;
  readonly source: ApplicationSource;
  readonly state: ApplicationCache;
  readonly syncOptions: readonly string[];
  readonly newCommit: boolean;
  /** Whether anything was to be written now. */
  readonly mayApply: boolean;
  readonly obstacle: string | undefined;
  readonly foreseen: readonly string[];
  /** By id. */
  readonly refused: ReadonlyMap<string, ApplyError>;
  /** Objects that somebody keeps changing, with the time when each is healed next. */
  readonly fights: ReadonlyMap<string, number>;
  /** Applications that have not read their newest commit, and may hold what leaves this one. */
  readonly unreadBy: readonly string[];
  readonly baseline: PruneBaseline | undefined;
  readonly operation: OperationState | undefined;
  readonly nowMs: number;
}

/** Where the look ended. */
export interface LookEnd {
  readonly changeSet?: ChangeSet;
  readonly namespaces?: NamespacePlan;
  readonly plan?: SyncPlan;
  readonly tooLong?: boolean;
  readonly failed?: string;
  /** Writes that the author of the application may not make. */
  readonly denied?: readonly string[];
  readonly retryAtMs?: number | undefined;
}

export function planOutcome(input: OutcomeInput, end: LookEnd): SyncOutcome {
  const { application, state, fights, unreadBy } = input;
  const { changeSet, plan } = end;
  const { denied = [], namespaces } = end;
  const missing = namespaces?.missing ?? [];
  const deleting = changeSet?.problems.find(({ code }) => code === 'being-deleted')?.message;
  const refusals = [...input.refused.values()].map(refusalText);
  const problems = problemsOf(input, end, refusals);
  const ended = plan !== undefined && plan.step.length === 0 && plan.last && plan.failed === undefined;
  const isOthersTurn = fights.size + unreadBy.length > 0;
  const applied = ended && problems.length === 0 && deleting === undefined && !isOthersTurn;
  const complete = applied && changeSet?.withheld === 0;
  const { source, baseline } = input;
  return {
    applied,
    extraneous: (changeSet?.held.length ?? 0) > 0,
    compared: true,
    baseline: complete ? completeBaseline(application, source, state.revision ?? '', baseline) : undefined,
    problems: problems.slice(0, MAX_PROBLEMS),
    problemCount: problems.length,
    isWaiting: plan?.waitingFor !== undefined,
    obstacle: obstacleOf(input, plan, deleting),
    conditions: planConditions({ ...input, changeSet, syncErrors: [...denied, ...missing, ...refusals] }),
    retry: end.tooLong === true || deleting !== undefined,
    retryAtMs: nextLookMs(input, end),
    // What others do or have to do first does not undo an operation that has succeeded.
    idle:
      plan?.idle === true || (isOthersTurn && !(input.newCommit && input.mayApply) && problems.length === 0),
  };
}

function problemsOf(
  { unreadBy }: OutcomeInput,
  { changeSet, namespaces, plan, failed: failure, denied = [] }: LookEnd,
  refusals: readonly string[],
): readonly string[] {
  const failed = plan?.failed ?? failure;
  return [
    ...denied,
    ...(failed === undefined || refusals.includes(failed) ? [] : [failed]),
    ...(namespaces?.missing ?? []),
    ...(changeSet?.problems ?? [])
      .filter(({ code, manager = '' }) => code !== 'being-deleted' && !unreadBy.includes(manager))
      .map(({ message }) => message),
    ...refusals,
  ];
}

function obstacleOf(
  { state, obstacle, fights, unreadBy, nowMs }: OutcomeInput,
  plan: SyncPlan | undefined,
  deleting: string | undefined,
): string | undefined {
  if (plan?.waitingFor !== undefined) return `Waiting for ${plan.waitingFor}`;
  const [unread] = unreadBy;
  const waiting = unread && `Waiting for application "${unread}" to read the commit`;
  return (
    deleting ?? obstacle ?? waiting ?? (fights.size === 0 ? undefined : fightMessages(state.heals, nowMs)[0])
  );
}

/** When time alone gives a reason to look again. */
function nextLookMs(input: OutcomeInput, { plan, retryAtMs }: LookEnd): number | undefined {
  const { application, state, operation, refused, fights, unreadBy, nowMs } = input;
  const failures = (operation?.retryCount ?? 0) + 1;
  const hookRetryMs =
    plan?.failed === undefined
      ? retryAtMs
      : operation && nextTryMs(retryPolicyOf(application), failures, nowMs);
  const waits = [
    hookRetryMs,
    // Refusals of before are remembered for their number; where none is left, nothing is to be tried again.
    refused.size === 0 ? undefined : state.refused?.retryAtMs,
    fightOverMs(state.heals, nowMs),
    unreadBy.length === 0 ? undefined : nowMs + HAND_OVER_RETRY_MS,
    ...[...state.quotas.values()].map((sinceMs) => sinceMs + QUOTA_PATIENCE_MS),
    ...fights.values(),
  ].filter((at) => at !== undefined);
  return waits.length === 0 ? undefined : Math.min(...waits);
}

export function refusalText({ change, message }: ApplyError): string {
  const advice = message.includes('field is immutable')
    ? '; to replace the object, annotate it with argocd.argoproj.io/sync-options: Force=true'
    : '';
  return `${change.origin ?? change.key}: ${message}${advice}`;
}
