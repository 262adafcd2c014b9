/** What the health of an application over time comes to for the commit that it shows. */
import { counted } from '../../base/text.ts';
import type { Application } from '../../schemas/types.ts';
import type { ApplicationCache } from '../cache/application-cache.ts';
import type { ApplicationHealth } from '../observe/assess-application.ts';
import { commitStatusOf } from './commit-status.ts';
import {
  type CommitStatusLimits,
  type CommitStatusPlan,
  type Counted,
  SUMMARY_SEPARATOR,
  planCommitStatus,
} from '../status/plan-commit-status.ts';
import { onlyStoredNote } from './plan-only-stored.ts';
import type { SyncOutcome } from './sync-outcome.ts';

/** Brings the times of the state up to now, and plans the status of its commit; undefined while no commit is known. */
export function followHealth(
  application: Application,
  state: ApplicationCache,
  outcome: SyncOutcome,
  { worst, causes, unhealthyCount }: ApplicationHealth,
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
  const [[id, cause] = [undefined, undefined]] = causes;
  // A cause of before this commit is no reason: the commit may well mend it.
  const isStuck = outcome.isWaiting && cause !== undefined && cause.vague !== true && !state.dirty.has(id);
  if (!settled && cause?.severity === 'failing') state.failingSinceMs ??= nowMs;
  else state.failingSinceMs = undefined;
  return planCommitStatus({
    sha: state.attributed,
    nowMs,
    problem: firstOf(outcome.problems, outcome.problemCount),
    obstacle: outcome.obstacle,
    applied: outcome.applied || isStuck,
    health: worst.status,
    cause: cause && { text: cause.line, more: unhealthyCount - 1 },
    summary: summaryOf(state),
    times: state,
    previous: commitStatusOf(application),
    limits,
  });
}

const firstOf = ([text]: readonly string[], count: number): Counted | undefined =>
  text === undefined ? undefined : { text, more: count - 1 };

/** A success does not hide what nothing acts on. */
function summaryOf({ desired, hooks, onlyStored }: ApplicationCache): string {
  const { size } = desired.byId;
  const objects =
    size + hooks.byId.size === 0 ? 'Git holds no objects here' : `${counted(size, 'object')} healthy`;
  const note = onlyStoredNote([...onlyStored.values()].flat());
  return note === undefined ? objects : `${objects}${SUMMARY_SEPARATOR}${note}`;
}
