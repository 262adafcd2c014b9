/** What the health of an application over time comes to for the commit that it shows. */
import type { Application } from '../schemas/types.ts';
import type { ApplicationState } from './application-state.ts';
import type { ApplicationHealth } from './assess-application.ts';
import { commitStatusOf } from './commit-status.ts';
import {
  type CommitStatusLimits,
  type CommitStatusPlan,
  planCommitStatus,
} from './status/plan-commit-status.ts';
import type { SyncOutcome } from './sync-outcome.ts';

/** Brings the times of the state up to now, and plans the status of its commit; undefined while no commit is known. */
export function followHealth(
  application: Application,
  state: ApplicationState,
  outcome: SyncOutcome,
  { worst, cause }: ApplicationHealth,
  limits: CommitStatusLimits,
  nowMs: number,
): CommitStatusPlan | undefined {
  if (state.attributed === undefined) return undefined;
  const settled = outcome.applied && (worst.status === 'Healthy' || worst.status === 'Suspended');
  if (settled) {
    state.healthySinceMs ??= nowMs;
    state.lastHealthyMs = nowMs;
  } else {
    if (state.healthySinceMs !== undefined) state.lastHealthyMs = nowMs;
    state.healthySinceMs = undefined;
  }
  if (!settled && cause?.severity === 'failing') state.failingSinceMs ??= nowMs;
  else state.failingSinceMs = undefined;
  return planCommitStatus({
    sha: state.attributed,
    nowMs,
    problem: outcome.problems[0],
    obstacle: outcome.obstacle,
    applied: outcome.applied,
    health: worst.status,
    cause: cause?.text,
    summary: `${state.desired.byId.size} objects healthy`,
    times: state,
    previous: commitStatusOf(application),
    limits,
  });
}
