/** How long a reflector waits before it watches again, and whether it must list first. Pure. */
import { type BackoffPolicy, backoffDelayMs } from '../base/backoff.ts';

/** How a watch, or the list before it, has ended. `expired`: its version is too old. */
export interface WatchEnd {
  readonly type: 'relist' | 'ended' | 'expired' | 'failed' | 'unreachable';
  readonly lastedMs: number;
}

export interface WatchRetry {
  /** Failures in a row, with this one. */
  readonly failures: number;
  /** 0: at once. */
  readonly delayMs: number;
}

/** For a server that answers, but not well. */
const RETRY: BackoffPolicy = { initialMs: 250, maxMs: 4_000, factor: 2 };
/** A restarted server has its agents back within a second; a refused connection costs nothing. */
const RETRY_UNREACHABLE: BackoffPolicy = { ...RETRY, maxMs: 1_000 };
/** A watch that lasted this long was a good one: a failure after it is a first failure. */
const STABLE_AFTER_MS = 1_000;
/** The random share of a delay, so that a thousand agents do not come back in one instant. */
const JITTER = 0.5;

/** `random` is uniform in [0, 1). */
export function planWatchRetry(
  before: number,
  { type, lastedMs }: WatchEnd,
  random: () => number,
): WatchRetry {
  const isStable = lastedMs >= STABLE_AFTER_MS;
  // An orderly end that comes at once must not spin.
  if (type === 'relist' || (type === 'ended' && isStable)) return { failures: 0, delayMs: 0 };
  const failures = (isStable ? 0 : before) + 1;
  if (type === 'expired' && failures === 1) return { failures, delayMs: 0 };
  const policy = type === 'unreachable' ? RETRY_UNREACHABLE : RETRY;
  return { failures, delayMs: backoffDelayMs(policy, failures) * (1 - JITTER * random()) };
}
