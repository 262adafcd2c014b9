/**
 * Bounds what is said about one object for one reason, pure: as client-go's spam filter, a burst and then one every five
 * minutes. A loop that goes wrong costs the store next to nothing, and what others say about the object is still heard.
 */

/** client-go's figures. */
const BURST = 25;
const REFILL_MS = 300_000;
/** Buckets that are remembered; beyond it, the longest unused are forgotten. */
const MAX_BUCKETS = 4096;

interface Bucket {
  readonly tokens: number;
  readonly atMs: number;
}
export type EventRates = ReadonlyMap<string, Bucket>;

export interface EventRatePlan {
  /** How many of the occurrences may be told. */
  readonly allowed: number;
  readonly rates: EventRates;
}

/** `key`: the object and the reason. */
export function planEventRate(rates: EventRates, key: string, nowMs: number, times = 1): EventRatePlan {
  const { tokens, atMs } = rates.get(key) ?? { tokens: BURST, atMs: nowMs };
  const filled = Math.min(BURST, tokens + Math.max(0, nowMs - atMs) / REFILL_MS);
  const allowed = Math.min(times, Math.floor(filled));
  const next = new Map(rates);
  next.delete(key);
  next.set(key, { tokens: filled - allowed, atMs: nowMs });
  while (next.size > MAX_BUCKETS) next.delete(next.keys().next().value ?? '');
  return { allowed, rates: next };
}
