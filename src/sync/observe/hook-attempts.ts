/** Attempts at a commit with hooks: when one begins, when one is held back, and which hooks the present one has. */
import type { DesiredObject } from '../../diff/desired-set.ts';
import { assess, explain } from '../../health/index.ts';
import type { Application } from '../../schemas/types.ts';
import type { ApplicationCache } from '../cache/application-cache.ts';
import { type OperationState, hasHooksStarted, isRunning, namePartsOf, runOf } from '../plan/operation.ts';
import { type Hook, observeHooks } from '../plan/plan-hooks.ts';
import { nextTryMs, retryPolicyOf } from '../plan/plan-retry.ts';
import { type SyncPlanInput, mayApply } from '../plan/plan-sync.ts';
import type { SyncContext } from '../sync-context.ts';

export interface HookHold {
  readonly message: string;
  readonly retryAtMs: number | undefined;
}

/** An attempt with hooks has failed at this commit: nothing of it happens again before the retry is due. */
export function hookHold(
  application: Application,
  operation: OperationState | undefined,
  state: ApplicationCache,
): HookHold | undefined {
  if (operation?.phase !== 'Failed' || !hasHooksStarted(operation, state.revision)) return undefined;
  return { message: operation.message, retryAtMs: retryTimeOf(application, operation) };
}

function retryTimeOf(application: Application, operation: OperationState): number | undefined {
  const failedMs = Date.parse(operation.finishedAt ?? operation.startedAt);
  return nextTryMs(retryPolicyOf(application), (operation.retryCount ?? 0) + 1, failedMs);
}

/** Whether an attempt with hooks begins. */
export function startsAttempt(
  state: ApplicationCache,
  operation: OperationState | undefined,
  hold: HookHold | undefined,
  asked: Pick<SyncPlanInput, 'policy' | 'requested' | 'newCommit'> & { readonly pending: boolean },
  nowMs: number,
): boolean {
  const retryDue = hold === undefined || (hold.retryAtMs !== undefined && nowMs >= hold.retryAtMs);
  return (
    state.hooks.byId.size > 0 &&
    retryDue &&
    asked.newCommit &&
    !isRunning(operation, state.revision) &&
    mayApply(asked) &&
    (asked.requested || asked.pending || hold !== undefined)
  );
}

/** The hooks of the operation that is under way; undefined when none is. */
export function currentHooks(
  application: string,
  state: ApplicationCache,
  { managed, operation: read }: SyncContext,
): readonly Hook[] | undefined {
  const operation = read();
  if (!operation || !isRunning(operation, state.revision)) return undefined;
  return observeHooks(hooksOf(state), {
    application,
    run: runOf(operation),
    nameParts: namePartsOf(operation),
    results: operation.syncResult?.resources ?? [],
    live: (resource, name) => managed.live(resource, name),
    healthOf: assess,
    causeOf: (object, health) => explain(object, health, managed).text,
  });
}

/** Also two manifests for one hook, in a fixed order. */
export function hooksOf({ hooks }: ApplicationCache): readonly DesiredObject[] {
  return [...hooks.byId].flatMap(([id, first]) => [first, ...(hooks.repeated.get(id) ?? [])]);
}
