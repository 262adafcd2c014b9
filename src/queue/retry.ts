/** Retries of failed jobs, the same in every adapter. Giving a job up costs time only. */
import type { BackoffPolicy } from '../base/backoff.ts';

export interface RetryPolicy {
  readonly attempts: number;
  readonly backoff: BackoffPolicy;
}

/** About ten minutes in all; by then the periodic resync has asked again. */
export const DEFAULT_RETRY: RetryPolicy = {
  attempts: 15,
  backoff: { initialMs: 500, maxMs: 60_000, factor: 2 },
};
