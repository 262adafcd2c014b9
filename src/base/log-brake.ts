/**
 * Keeps a log readable while something is down: what repeats is logged at once, then after waits that double, with the
 * number of times it happened. Pure but for its memory.
 */
import { type BackoffPolicy, backoffDelayMs } from './backoff.ts';

/** From ten seconds to ten minutes: an operator who looks sees that it still lasts. */
const WAITS: BackoffPolicy = { initialMs: 10_000, maxMs: 600_000, factor: 2 };
/** Things that repeat, each with its own waits; beyond it, the oldest are forgotten. */
const MAX_KEYS = 1_000;

export interface LogBrake {
  /** How often it happened since it was logged last; undefined where it is not to be logged now. */
  pass(nowMs: number, key?: string): number | undefined;
  /** It is over: the next time is logged at once. True when it had happened. */
  reset(key?: string): boolean;
}

interface Repeated {
  readonly count: number;
  readonly logs: number;
  readonly loggedMs: number;
}

export function createLogBrake(waits: BackoffPolicy = WAITS): LogBrake {
  const known = new Map<string, Repeated>();
  return {
    pass(nowMs, key = '') {
      const before = known.get(key) ?? { count: 0, logs: 0, loggedMs: Number.NEGATIVE_INFINITY };
      const count = before.count + 1;
      const waitMs = backoffDelayMs(waits, before.logs);
      const isDue = nowMs - before.loggedMs >= waitMs;
      // Once it has been quiet for long, it is something new.
      const isNew = nowMs - before.loggedMs > 2 * waits.maxMs;
      known.delete(key);
      known.set(
        key,
        isDue ? { count: 0, logs: isNew ? 1 : before.logs + 1, loggedMs: nowMs } : { ...before, count },
      );
      const [oldest] = known.keys();
      if (known.size > MAX_KEYS && oldest !== undefined) known.delete(oldest);
      return isDue ? count : undefined;
    },
    reset: (key = '') => known.delete(key),
  };
}
