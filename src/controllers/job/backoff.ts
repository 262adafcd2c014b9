/**
 * How long a Job waits before it replaces failed pods: 10 s after the first failure, twice as long
 * after each further one, at most 10 minutes; after a success it starts again. Pure.
 */
import { type BackoffPolicy, backoffDelayMs } from '../../base/backoff.ts';
import type { Pod } from '../../schemas/types.ts';
import { failuresBefore, finishedMs, ignoredBefore } from './job-facts.ts';

const POLICY: BackoffPolicy = { initialMs: 10_000, maxMs: 600_000, factor: 2 };

/** Failures since the last success. */
export interface Backoff {
  readonly failures: number;
  readonly lastFailureMs: number;
}

export const NO_BACKOFF: Backoff = { failures: 0, lastFailureMs: 0 };

/** The back-off with the pods that have ended since. Failures before a success are forgotten. */
export function nextBackoff(before: Backoff, succeeded: readonly Pod[], failed: readonly Pod[]): Backoff {
  const successMs = succeeded.reduce((latest, pod) => Math.max(latest, finishedMs(pod)), -1);
  const failures = failed.map(finishedMs).filter((ms) => ms > successMs);
  if (succeeded.length === 0 && failed.length === 0) return before;
  const lastFailureMs = failures.reduce((latest, ms) => Math.max(latest, ms), 0);
  if (succeeded.length > 0) return { failures: failures.length, lastFailureMs };
  return { failures: before.failures + failures.length, lastFailureMs };
}

export function remainingMs({ failures, lastFailureMs }: Backoff, nowMs: number): number {
  if (failures === 0) return 0;
  return Math.max(0, lastFailureMs + backoffDelayMs(POLICY, failures) - nowMs);
}

/** The wait of one index, whose last failed pod knows how many failures there were before it. */
export function remainingOfIndexMs(lastFailed: Pod | undefined, nowMs: number): number {
  if (!lastFailed) return 0;
  const failures = failuresBefore(lastFailed) + ignoredBefore(lastFailed) + 1;
  return remainingMs({ failures, lastFailureMs: finishedMs(lastFailed) }, nowMs);
}
