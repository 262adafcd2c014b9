/** How long the agent waits before it opens its tunnel again, and whether it says so. Pure. */
import { backoffDelayMs } from '../../base/backoff.ts';

/** How a tunnel, or the attempt to open one, has ended. `renewed`: a new one takes over at once. */
export interface TunnelEnd {
  readonly type: 'renewed' | 'closed' | 'refused' | 'failed';
  readonly lastedMs: number;
}

export interface TunnelRetry {
  /** Failures in a row, with this one. */
  readonly failures: number;
  /** 0: at once. */
  readonly delayMs: number;
  /** It fails for so long that people must notice. */
  readonly mustTell: boolean;
}

/** A restarted server has its nodes back within two seconds; a refused connection costs nothing. */
const RETRY = { initialMs: 250, maxMs: 1_500, factor: 2 };
/** A refusal has a reason, which does not go away in a second. */
const RETRY_REFUSED = { initialMs: 1_000, maxMs: 15_000, factor: 2 };
/** A tunnel that lasted this long counts as a success. */
const STABLE_AFTER_MS = 10_000;
/** Some ten seconds without logs and exec. */
const TELL_AT = 8;

/** `random` is uniform in [0, 1). */
export function planTunnelRetry(
  before: number,
  { type, lastedMs }: TunnelEnd,
  random: () => number,
): TunnelRetry {
  const isOpened = type === 'closed' || type === 'renewed';
  const failures = isOpened && lastedMs >= STABLE_AFTER_MS ? 1 : before + 1;
  const delayMs = backoffDelayMs(type === 'refused' ? RETRY_REFUSED : RETRY, failures);
  return {
    failures,
    delayMs: type === 'renewed' ? 0 : delayMs * (0.5 + random() / 2),
    mustTell: !isOpened && failures === TELL_AT,
  };
}
