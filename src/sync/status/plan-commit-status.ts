/**
 * What the forge is to be told about a commit. Pure: time and what was said before are parameters.
 *
 * `success` only after everything has been healthy for the stability window; a failure stays until then, so that a
 * crash loop does not flicker; after a success, short waits (a pod moves) change nothing, a degradation or a passed
 * deadline does. The cause comes first in the text, because forges cut it.
 */
import { printable } from '../../base/printable.ts';
import type { HealthStatus } from '../../health/index.ts';

export type CommitState = 'pending' | 'success' | 'failure' | 'error';

export interface CommitStatus {
  readonly sha: string;
  readonly state: CommitState;
  readonly description: string;
}

export interface CommitStatusTimes {
  /** When the commit was first seen. */
  readonly startedMs: number;
  /** Since when everything has been healthy without a break; undefined while something is not. */
  readonly healthySinceMs: number | undefined;
  /** Since when something has been failing without a break. */
  readonly failingSinceMs: number | undefined;
  /** The last moment at which everything was healthy. */
  readonly lastHealthyMs: number | undefined;
}

export interface CommitStatusLimits {
  readonly stabilityWindowMs: number;
  /** A crash may be the first of one restart that heals it; after this time it is the news. */
  readonly failureGraceMs: number;
  readonly progressDeadlineMs: number;
}

export const defaultCommitStatusLimits: CommitStatusLimits = {
  stabilityWindowMs: 10_000,
  failureGraceMs: 5_000,
  progressDeadlineMs: 600_000,
};

export interface CommitStatusInput {
  readonly sha: string;
  readonly nowMs: number;
  /** Why the commit cannot be applied: a user error. */
  readonly problem: string | undefined;
  /** Why we cannot say or do more now, through no fault of the commit. */
  readonly obstacle: string | undefined;
  /** Whether all of the commit is in the store. */
  readonly applied: boolean;
  readonly health: HealthStatus;
  /** What is not healthy and why: `deployment/web: container api exited 137 (OOMKilled)`. */
  readonly cause: string | undefined;
  /** For the success: `12 objects healthy`. */
  readonly summary: string;
  readonly times: CommitStatusTimes;
  readonly previous: CommitStatus | undefined;
  readonly limits: CommitStatusLimits;
}

export interface CommitStatusPlan {
  readonly status: CommitStatus;
  /** When time alone may change the answer. */
  readonly recheckAfterMs: number | undefined;
}

/** GitHub answers 422 to a longer description. */
export const MAX_DESCRIPTION = 140;

export function planCommitStatus(input: CommitStatusInput): CommitStatusPlan {
  const { sha, nowMs, times, limits, cause } = input;
  const said = input.previous?.sha === sha ? input.previous : undefined;
  const say = (state: CommitState, description: string, recheckAfterMs?: number): CommitStatusPlan => ({
    status: { sha, state, description: truncateText(description, MAX_DESCRIPTION) },
    recheckAfterMs,
  });
  const stay = (recheckAfterMs?: number): CommitStatusPlan | undefined =>
    said && said.state !== 'pending' ? { status: said, recheckAfterMs } : undefined;

  if (input.problem !== undefined) return say('failure', input.problem);
  if (!input.applied) {
    return stay() ?? say('pending', input.obstacle ?? cause ?? 'Applying the commit');
  }
  if (input.health === 'Healthy' || input.health === 'Suspended') {
    if (said?.state === 'success') return { status: said, recheckAfterMs: undefined };
    const healthyForMs = nowMs - (times.healthySinceMs ?? nowMs);
    const missingMs = limits.stabilityWindowMs - healthyForMs;
    if (missingMs <= 0) return say('success', input.summary);
    return stay(missingMs) ?? say('pending', 'Healthy; waiting for it to prove stable', missingMs);
  }
  const waits: number[] = [];
  if (times.failingSinceMs !== undefined) {
    const restMs = limits.failureGraceMs - (nowMs - times.failingSinceMs);
    if (restMs <= 0) return say('failure', cause ?? `The application is ${input.health}`);
    waits.push(restMs);
  }
  const deadlineMs = Math.max(times.startedMs, times.lastHealthyMs ?? 0) + limits.progressDeadlineMs;
  if (nowMs >= deadlineMs)
    return (
      stayFailed(said) ??
      say('failure', `${cause ?? input.health}; not healthy within ${limits.progressDeadlineMs / 1000} s`)
    );
  waits.push(deadlineMs - nowMs);
  const recheckAfterMs = Math.min(...waits);
  return (
    stay(recheckAfterMs) ??
    say('pending', cause ?? 'Waiting for the application to become healthy', recheckAfterMs)
  );
}

function stayFailed(said: CommitStatus | undefined): CommitStatusPlan | undefined {
  return said?.state === 'failure' ? { status: said, recheckAfterMs: undefined } : undefined;
}

/** At most `limit` code points of printable text: half a character would be refused, or shown as rubbish. */
export function truncateText(text: string, limit: number): string {
  const points = Array.from(printable(text.replace(/\s+/g, ' ').trim()));
  return points.length <= limit ? points.join('') : `${points.slice(0, limit - 1).join('')}…`;
}
