/**
 * `spec.syncPolicy.retry`, as Argo CD reads it: how often and when a failed sync is tried again. A
 * new commit, a changed Application or a requested sync begins anew. Pure.
 */
import type { Application } from '../../schemas/types.ts';
import type { ApplicationCache } from '../cache/application-cache.ts';
import type { ApplyError } from '../execute/apply-changes.ts';

export interface RetryPolicy {
  /** Tries after the first; a negative number means without end. */
  readonly limit: number;
  readonly initialMs: number;
  readonly factor: number;
  readonly maxMs: number;
}

/** The policy of Argo CD's automated syncs, unless the Application has one. */
export const defaultRetryPolicy: RetryPolicy = { limit: 5, initialMs: 5_000, factor: 2, maxMs: 180_000 };

export function retryPolicyOf({ spec }: Application): RetryPolicy {
  const retry = spec.syncPolicy?.retry;
  if (!retry) return defaultRetryPolicy;
  const { duration, factor, maxDuration } = retry.backoff ?? {};
  return {
    limit: retry.limit ?? 0,
    initialMs: parseDuration(duration) ?? defaultRetryPolicy.initialMs,
    factor: factor !== undefined && factor > 0 ? factor : defaultRetryPolicy.factor,
    maxMs: parseDuration(maxDuration) ?? defaultRetryPolicy.maxMs,
  };
}

/** The next try after `failures` (>= 1) tries; the last ended at `failedMs`. Undefined: no more. */
export function nextTryMs(policy: RetryPolicy, failures: number, failedMs: number): number | undefined {
  if (policy.limit >= 0 && failures > policy.limit) return undefined;
  return failedMs + Math.min(policy.maxMs, policy.initialMs * policy.factor ** (failures - 1));
}

/** Writes that were refused at this commit and are not to be tried again yet. */
export function standingRefusals(
  { refused, revision }: Readonly<ApplicationCache>,
  requested: boolean,
  nowMs: number,
): Map<string, ApplyError> {
  const isDue = refused?.retryAtMs !== undefined && nowMs >= refused.retryAtMs;
  return new Map(requested || isDue || refused?.revision !== revision ? [] : refused?.errors);
}

export function rememberRefusals(
  application: Application,
  cache: ApplicationCache,
  errors: Map<string, ApplyError>,
  nowMs: number,
): void {
  const { revision, refused } = cache;
  const failures = (refused?.revision === revision ? (refused?.failures ?? 0) : 0) + 1;
  const retryAtMs = nextTryMs(retryPolicyOf(application), failures, nowMs);
  cache.refused = { revision, failures, retryAtMs, errors };
}

const UNITS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
};

/** Go's notation (`1m30s`); a bare number means seconds, as in Argo CD. Undefined otherwise. */
export function parseDuration(text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined;
  if (/^\d+$/.test(text)) return Number(text) * 1_000;
  if (!/^(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h))+$/.test(text)) return undefined;
  let sumMs = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/g)) {
    sumMs += Number(amount) * (UNITS[unit ?? ''] ?? 0);
  }
  return sumMs;
}
