/**
 * Starts a generation, again where another control plane was faster: several may find an empty
 * store at once. One makes its state; the others open the store anew and go on with that.
 */
import { backoffDelayMs } from '../base/backoff.ts';
import { type Clock, sleep } from '../base/clock.ts';
import { errorMessage } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Rng } from '../base/rng.ts';
import { EpochChanged, StoreUnavailable } from '../store/types.ts';

export interface BeginOptions {
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger: Logger;
  /**
   * `first`: report at once that there is no store, as somebody watches the start. `later`: wait
   * for the store to come back.
   */
  readonly patience: 'first' | 'later';
  readonly signal: AbortSignal;
}

/** More races mean a store that loses its data again and again. */
export const MAX_LOST_RACES = 20;
const RETRY = { initialMs: 50, maxMs: 2_000, factor: 2 };

export async function beginGeneration<T>(start: () => Promise<T>, options: BeginOptions): Promise<T> {
  const { clock, rng, logger, patience, signal } = options;
  let races = 0;
  for (let failures = 1; ; failures += 1) {
    try {
      return await start();
    } catch (error) {
      const lostRace = error instanceof EpochChanged && (races += 1) < MAX_LOST_RACES;
      const isAway = error instanceof StoreUnavailable && patience === 'later';
      if (signal.aborted || !(lostRace || isAway)) throw error;
      logger.warn(
        { why: errorMessage(error), failures },
        lostRace
          ? 'Another control plane set up the store at the same time; going on with what it made'
          : 'The store does not answer; starting again when it does',
      );
      await sleep(clock, backoffDelayMs(RETRY, failures) * (0.5 + rng.next() / 2), signal);
    }
  }
}
