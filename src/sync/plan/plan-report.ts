/** The report of a reconcile, and the time of the next one. Pure. */
import { jsonEqual } from '../../base/json.ts';
import type { InventoryItem } from '../../diff/change-set.ts';
import { commitStatusOf } from '../status/plan-commit-status.ts';
import { type CommitHealthInput, planCommitHealth } from './plan-commit-health.ts';
import { planObservation } from './plan-observation.ts';

/** Another try where Git, or an object that is being deleted, has to be waited for. */
export const RETRY_MS = 10_000;
/** Time alone causes no more reconciles than this, whatever moment a plan names. */
const MIN_WAIT_MS = 50;

export function planReport(input: CommitHealthInput, orphans: readonly InventoryItem[]) {
  const { application, known, outcome, health, nowMs } = input;
  const { times, plan } = planCommitHealth(input) ?? {};
  const waits = [
    known.nextPollMs - nowMs,
    plan?.recheckAfterMs,
    outcome.retry ? RETRY_MS : undefined,
    outcome.retryAtMs === undefined ? undefined : outcome.retryAtMs - nowMs,
  ].filter((wait) => wait !== undefined);
  const isNews = plan !== undefined && !jsonEqual(plan.status, commitStatusOf(application));
  return {
    observed: planObservation(known, outcome, health, orphans, plan?.status),
    times,
    /** The commit whose status is to be posted. */
    notify: isNews ? plan.status.sha : undefined,
    waitMs: Math.max(MIN_WAIT_MS, Math.min(...waits)),
  };
}
