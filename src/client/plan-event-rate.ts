/**
 * Bounds the events about one object for one reason, as client-go's spam filter: a burst, then one
 * every five minutes. Other events about the object still pass. Pure.
 */

/** client-go's figures. */
const BURST = 25;
const REFILL_MS = 300_000;

export interface Bucket {
  readonly tokens: number;
  readonly atMs: number;
}

export interface EventRatePlan {
  /** The number of occurrences that may be written. */
  readonly allowed: number;
  readonly bucket: Bucket;
}

/** `bucket`: of this object and reason; undefined for the first occurrence. */
export function planEventRate(bucket: Bucket | undefined, nowMs: number, times = 1): EventRatePlan {
  const { tokens, atMs } = bucket ?? { tokens: BURST, atMs: nowMs };
  const filled = Math.min(BURST, tokens + Math.max(0, nowMs - atMs) / REFILL_MS);
  const allowed = Math.min(times, Math.floor(filled));
  return { allowed, bucket: { tokens: filled - allowed, atMs: nowMs } };
}
