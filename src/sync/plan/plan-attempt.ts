/** An attempt at a commit: its request, and when one with hooks begins or is held back. Pure. */
import type { Application } from '../../schemas/types.ts';
import type { Attempt } from '../types.ts';
import {
  type OperationState,
  hasHooksStarted,
  hasSucceeded,
  isRunning,
  isUnderWay,
  requestOf,
} from './operation.ts';
import { nextTryMs, retryPolicyOf } from './plan-retry.ts';
import { mayApply, syncPolicyOf } from './plan-sync.ts';

export function planAttempt(
  application: Application,
  operation: OperationState | undefined,
  revision: string | undefined,
): Attempt {
  const request = requestOf(operation);
  const requested = request !== undefined;
  const newCommit = !hasSucceeded(operation, revision);
  const healing = !newCommit && !requested;
  const policy = syncPolicyOf(application);
  return {
    request,
    requested,
    newCommit,
    healing,
    isNewOperation: !healing && !isUnderWay(operation, revision),
    // A requested sync deletes only when that was asked for too, unless the automation would do it.
    policy: { ...policy, prune: policy.prune || request?.sync?.prune === true },
    syncOptions: [...(application.spec.syncPolicy?.syncOptions ?? []), ...(request?.sync?.syncOptions ?? [])],
  };
}

export interface HookHold {
  readonly message: string;
  readonly retryAtMs: number | undefined;
}

/** A failed attempt with hooks holds back everything of its commit until the retry is due. */
export function hookHold(
  application: Application,
  operation: OperationState | undefined,
  revision: string | undefined,
): HookHold | undefined {
  if (operation?.phase !== 'Failed' || !hasHooksStarted(operation, revision)) return undefined;
  const failedMs = Date.parse(operation.finishedAt ?? operation.startedAt);
  const failures = (operation.retryCount ?? 0) + 1;
  return { message: operation.message, retryAtMs: nextTryMs(retryPolicyOf(application), failures, failedMs) };
}

/** Whether an attempt with hooks begins. `isPending`: something is to be written. */
export function startsAttempt(
  attempt: Attempt,
  operation: OperationState | undefined,
  revision: string | undefined,
  hold: HookHold | undefined,
  isPending: boolean,
  nowMs: number,
): boolean {
  const retryDue = hold === undefined || (hold.retryAtMs !== undefined && nowMs >= hold.retryAtMs);
  return (
    retryDue &&
    attempt.newCommit &&
    !isRunning(operation, revision) &&
    mayApply(attempt) &&
    (attempt.requested || isPending || hold !== undefined)
  );
}
