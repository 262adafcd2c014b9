/**
 * When a tunnel counts as dead. The server pings at a rate of its own: several pings in a row that
 * do not come mean that it is gone, or cut off. Pure.
 */

/** The pings of one tunnel so far. */
export interface Pings {
  /** The last one, or the opening of the tunnel. */
  readonly lastMs: number;
  readonly longestGapMs: number;
}

/** Before the rate is known. Three pings of a server that asks rarely. */
const LONGEST_SILENCE_MS = 45_000;
/** Below it a moment's congestion would end sessions. */
const SHORTEST_SILENCE_MS = 5_000;
const MISSED_PINGS = 4;

export const withPing = ({ lastMs, longestGapMs }: Pings, nowMs: number): Pings => ({
  lastMs: nowMs,
  longestGapMs: Math.max(longestGapMs, nowMs - lastMs),
});

export function silenceMs({ longestGapMs }: Pings): number {
  if (longestGapMs <= 0) return LONGEST_SILENCE_MS;
  return Math.min(LONGEST_SILENCE_MS, Math.max(SHORTEST_SILENCE_MS, longestGapMs * MISSED_PINGS));
}
