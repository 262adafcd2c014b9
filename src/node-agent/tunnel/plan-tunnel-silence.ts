/**
 * When a tunnel counts as dead. The server pings at a rate of its own: several pings in a row that
 * do not come mean that it is gone, or cut off. Times are those of a count that never jumps. Pure.
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

/** Before the rate is known. Half of the time after which a silent node counts as lost. */
const UNKNOWN_DELAY_MS = 2_000;
const SHORTEST_DELAY_MS = 1_000;
const LATE = 1.5;

/** A ping is late after this time: the control plane may not hear this agent over the tunnel. */
export const lateMs = ({ longestGapMs }: Pings): number =>
  longestGapMs <= 0 ? UNKNOWN_DELAY_MS : Math.max(SHORTEST_DELAY_MS, longestGapMs * LATE);
