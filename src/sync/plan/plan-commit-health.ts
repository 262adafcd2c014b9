/** The status of a commit, from the health of its application over time. Pure. */
import { counted } from '../../base/text.ts';
import type { Application } from '../../schemas/types.ts';
import type { ApplicationCache } from '../cache/application-cache.ts';
import type { ApplicationHealth } from '../observe/assess-application.ts';
import {
  type CommitStatusLimits,
  type CommitStatusPlan,
  type Counted,
  SUMMARY_SEPARATOR,
  commitStatusOf,
  planCommitStatus,
} from '../status/plan-commit-status.ts';
import { onlyStoredNote } from './plan-only-stored.ts';
import type { SyncOutcome } from './sync-outcome.ts';

export type HealthTimes = Pick<ApplicationCache, 'healthySinceMs' | 'lastHealthyMs' | 'failingSinceMs'>;

export interface CommitHealthInput {
  readonly application: Application;
  readonly known: Readonly<ApplicationCache>;
  readonly outcome: SyncOutcome;
  readonly health: ApplicationHealth;
  readonly limits: CommitStatusLimits;
  readonly nowMs: number;
}

/** The times as they are now, and the status of the commit. Undefined while no commit is known. */
export function planCommitHealth(
  input: CommitHealthInput,
): { readonly times: HealthTimes; readonly plan: CommitStatusPlan } | undefined {
  const { application, known, outcome, limits, nowMs } = input;
  const { worst, causes, unhealthyCount } = input.health;
  if (known.attributed === undefined) return undefined;
  const settled = outcome.applied && (worst.status === 'Healthy' || worst.status === 'Suspended');
  const [[id, cause] = [undefined, undefined]] = causes;
  // A cause from before this commit is no reason: the commit may well mend it.
  const isStuck = outcome.isWaiting && cause !== undefined && cause.vague !== true && !known.dirty.has(id);
  const isFailing = !settled && cause?.severity === 'failing';
  const times = {
    healthySinceMs: settled ? (known.healthySinceMs ?? nowMs) : undefined,
    lastHealthyMs: settled || known.healthySinceMs !== undefined ? nowMs : known.lastHealthyMs,
    failingSinceMs: isFailing ? (known.failingSinceMs ?? nowMs) : undefined,
  };
  const plan = planCommitStatus({
    sha: known.attributed,
    nowMs,
    problem: firstOf(outcome.problems, outcome.problemCount),
    obstacle: outcome.obstacle,
    applied: outcome.applied || isStuck,
    health: worst.status,
    cause: cause && { text: cause.line, more: unhealthyCount - 1 },
    summary: summaryOf(known),
    times: { startedMs: known.startedMs, ...times },
    previous: commitStatusOf(application),
    limits,
  });
  return { times, plan };
}

const firstOf = ([text]: readonly string[], count: number): Counted | undefined =>
  text === undefined ? undefined : { text, more: count - 1 };

/** A success does not hide what nothing acts on. */
function summaryOf({ desired, hooks, onlyStored }: Readonly<ApplicationCache>): string {
  const { size } = desired.byId;
  const objects =
    size + hooks.byId.size === 0 ? 'Git holds no objects here' : `${counted(size, 'object')} healthy`;
  const note = onlyStoredNote([...onlyStored.values()].flat());
  return note === undefined ? objects : `${objects}${SUMMARY_SEPARATOR}${note}`;
}
