/**
 * Keeps a log readable while something is down: repetitions are logged at once, then after waits
 * that double, with their number. Pure but for its memory.
 */
import { type BackoffPolicy, backoffDelayMs } from './backoff.ts';
import { createBoundedMap } from './bounded-map.ts';

/** From ten seconds to ten minutes: an operator who looks sees that it still lasts. */
const WAITS: BackoffPolicy = { initialMs: 10_000, maxMs: 600_000, factor: 2 };
/** After so much quiet it is news again. */
const QUIET_MS = 60_000;
/** Different lines that are remembered; beyond it, the oldest are forgotten. */
const MAX_KEYS = 1_000;

export interface LogBrake {
  /** How often it happened since it was logged last; undefined where it is not to be logged now. */
  pass(nowMs: number, key: string): number | undefined;
}

interface Repeated {
  /** Since it was logged. */
  readonly count: number;
  readonly logs: number;
  readonly loggedMs: number;
  readonly lastMs: number;
}

const NEVER: Repeated = { count: 0, logs: 0, loggedMs: -Infinity, lastMs: -Infinity };

export function createLogBrake(): LogBrake {
  const known = createBoundedMap<string, Repeated>(MAX_KEYS);
  return {
    pass(nowMs, key) {
      const before = known.get(key) ?? NEVER;
      const isNews = nowMs - before.lastMs >= QUIET_MS;
      const isDue = isNews || nowMs - before.loggedMs >= backoffDelayMs(WAITS, before.logs);
      const logged = { count: 0, logs: isNews ? 1 : before.logs + 1, loggedMs: nowMs, lastMs: nowMs };
      const next = isDue ? logged : { ...before, count: before.count + 1, lastMs: nowMs };
      known.set(key, next);
      return isDue ? before.count + 1 : undefined;
    },
  };
}
