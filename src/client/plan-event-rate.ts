/**
 * Bounds what is said about one object for one reason, pure: as client-go's spam filter, a burst and then one every five
 * minutes. A loop that goes wrong costs the store next to nothing, and what others say about the object is still heard.
 */

/** client-go's figures. */
const BURST = 25;
const REFILL_MS = 300_000;

export interface Bucket {
  readonly tokens: number;
  readonly atMs: number;
}

export interface EventRatePlan {
  /** How many of the occurrences may be told. */
  readonly allowed: number;
  readonly bucket: Bucket;
}

/** `bucket` is that of the object and the reason; undefined for what is said for the first time. */
export function planEventRate(bucket: Bucket | undefined, nowMs: number, times = 1): EventRatePlan {
  const { tokens, atMs } = bucket ?? { tokens: BURST, atMs: nowMs };
  const filled = Math.min(BURST, tokens + Math.max(0, nowMs - atMs) / REFILL_MS);
  const allowed = Math.min(times, Math.floor(filled));
  return { allowed, bucket: { tokens: filled - allowed, atMs: nowMs } };
}
