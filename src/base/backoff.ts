/** Exponential back-off, pure: the caller keeps the count of failures. */
export interface BackoffPolicy {
  readonly initialMs: number;
  readonly maxMs: number;
  readonly factor: number;
}

/** Delay before attempt `failures + 1` (`failures` >= 1), without jitter. */
export function backoffDelayMs(policy: BackoffPolicy, failures: number): number {
  const delay = policy.initialMs * policy.factor ** Math.max(0, failures - 1);
  return Math.min(policy.maxMs, delay);
}
