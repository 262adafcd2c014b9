/** An attempt at a commit: its request, and when one with hooks begins or is held back. Pure. */
import type { Application } from '../../schemas/types.ts';
import type { Attempt, ComparedView } from '../types.ts';
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
export function hookHold({ application, operation, git }: ComparedView): HookHold | undefined {
  if (operation?.phase !== 'Failed' || !hasHooksStarted(operation, git.revision)) return undefined;
  const failedMs = Date.parse(operation.finishedAt ?? operation.startedAt);
  const failures = (operation.retryCount ?? 0) + 1;
  return { message: operation.message, retryAtMs: nextTryMs(retryPolicyOf(application), failures, failedMs) };
}

/** Whether an attempt with hooks begins. */
export function startsAttempt(view: ComparedView, hold: HookHold | undefined): boolean {
  const { operation, git, nowMs, known } = view;
  const { attempt, open } = view.objects;
  const retryDue = hold === undefined || (hold.retryAtMs !== undefined && nowMs >= hold.retryAtMs);
  const isPending = open.some(({ action }) => action !== 'noop');
  return (
    known.hooks.byId.size > 0 &&
    retryDue &&
    attempt.newCommit &&
    !isRunning(operation, git.revision) &&
    mayApply(attempt) &&
    (attempt.requested || isPending || hold !== undefined)
  );
}
