/**
 * The status of a commit at its forge. Pure: the time and the last status are parameters.
 *
 * `success` comes only after everything has been healthy for the stability window. A failure stays
 * until then, so that a crash loop does not flicker. After a success, short waits (a pod moves)
 * change nothing; a degradation or a passed deadline does. The cause comes first in the text; a
 * long text is cut in its middle.
 */
import { cutMiddle } from '../../base/text.ts';
import { printable } from '../../base/printable.ts';
import type { HealthStatus } from '../../health/index.ts';
import type { Application } from '../../schemas/types.ts';

export type CommitState = 'pending' | 'success' | 'failure' | 'error';

export interface CommitStatus {
  readonly sha: string;
  readonly state: CommitState;
  readonly description: string;
}

/** The commit status as an Application's status has it: posted already, or to be posted. */
export function commitStatusOf({ status }: Pick<Application, 'status'>): CommitStatus | undefined {
  const said = status?.['commitStatus'] as CommitStatus | undefined;
  return typeof said?.sha === 'string' ? said : undefined;
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

/** The first of several texts, and how many more there are. */
export interface Counted {
  readonly text: string;
  readonly more: number;
}

export interface CommitStatusInput {
  readonly sha: string;
  readonly nowMs: number;
  /** Why the commit cannot be applied: a user error. */
  readonly problem: Counted | undefined;
  /** Why we cannot say or do more now, through no fault of the commit. */
  readonly obstacle: string | undefined;
  /** Whether all of the commit is in the store. */
  readonly applied: boolean;
  readonly health: HealthStatus;
  /** The first unhealthy object: `deployment/web: container api exited 137 (OOMKilled)`. */
  readonly cause: Counted | undefined;
  /** For the success: `12 objects healthy`, and what is only stored. */
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

/** Between the parts of a success. */
export const SUMMARY_SEPARATOR = '; ';

export function planCommitStatus(input: CommitStatusInput): CommitStatusPlan {
  const { sha, nowMs, times, limits } = input;
  const said = input.previous?.sha === sha ? input.previous : undefined;
  const say = (state: CommitState, text: string | Counted, recheckAfterMs?: number): CommitStatusPlan => {
    const status = { sha, state, description: describe(text) };
    const isNews =
      said?.state !== state || withoutCounters(said.description) !== withoutCounters(status.description);
    return { status: isNews ? status : said, recheckAfterMs };
  };
  const stay = (recheckAfterMs?: number): CommitStatusPlan | undefined =>
    said && said.state !== 'pending' ? { status: said, recheckAfterMs } : undefined;

  if (input.problem !== undefined) return say('failure', input.problem);
  if (!input.applied) {
    return stay() ?? say('pending', input.obstacle ?? input.cause ?? 'Applying the commit');
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
    if (restMs <= 0) return say('failure', input.cause ?? `The application is ${input.health}`);
    waits.push(restMs);
  }
  const deadlineMs = Math.max(times.startedMs, times.lastHealthyMs ?? 0) + limits.progressDeadlineMs;
  if (nowMs >= deadlineMs)
    return said?.state === 'failure'
      ? { status: said, recheckAfterMs: undefined }
      : say('failure', overdue(input));
  waits.push(deadlineMs - nowMs);
  const recheckAfterMs = Math.min(...waits);
  return (
    stay(recheckAfterMs) ??
    say('pending', input.cause ?? 'Waiting for the application to become healthy', recheckAfterMs)
  );
}

function overdue({ cause, health, limits }: CommitStatusInput): Counted {
  const { text = health, more = 0 } = cause ?? {};
  return { text: `${text}; not healthy within ${limits.progressDeadlineMs / 1000} s`, more };
}

/** Advice is left out first where a text is too long: it tells less than the cause. */
const ADVICE = / \(hint: .*$|; to (?:allow it|replace the object), .*$/s;

/** As long as a forge takes it, with the number of what is left out at the end. */
function describe(text: string | Counted): string {
  const { text: whole, more } = typeof text === 'string' ? { text, more: 0 } : text;
  const rest = more > 0 ? ` (and ${more} more)` : '';
  const limit = MAX_DESCRIPTION - rest.length;
  return `${fitDescription(whole.length > limit ? whole.replace(ADVICE, '') : whole, limit)}${rest}`;
}

/** One printable line. */
export function fitDescription(text: string, limit = MAX_DESCRIPTION): string {
  return cutMiddle(printable(text.replace(/\s+/g, ' ').trim()), limit);
}

/**
 * A counter that goes on is no news: forges take a bounded number of statuses for a commit. The
 * number of other causes counts by its order of magnitude.
 */
const withoutCounters = (text: string): string =>
  text
    .replace(/restarted \d+ times?|back-off \w+/g, '')
    .replace(/\(and (\d+) more\)$/, (_all, more) => Number(more).toString(2).length.toString());
