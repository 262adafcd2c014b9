/** Renews the node's Lease every second while the control plane cannot hear the agent's tunnel. */
import type { Clock, Timer } from '../../base/clock.ts';
import { goWords } from '../../base/go-words.ts';
import type { Logger } from '../../base/logger.ts';

export interface QuickLeaseOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  renew(): Promise<unknown>;
}

/** Its end waits for the renewal under way. */
export interface QuickLease extends AsyncDisposable {
  start(): void;
  stop(): void;
  /** While it runs, a Lease that was not renewed for this time is old. */
  readonly freshMs: number | undefined;
}

/** A fraction of the time after which a node that was heard over its tunnel counts as lost. */
const PERIOD_MS = 1_000;

export function createQuickLease({ clock, logger, renew }: QuickLeaseOptions): QuickLease {
  /** Present while it runs. */
  let timer: Timer | undefined;
  let renewing: Promise<void> | undefined;

  function schedule(): void {
    const mine = clock.setTimer(() => {
      const renewed = renew().catch((error: unknown) =>
        logger.debug({ error: goWords(error) }, 'Cannot renew the lease without a tunnel'),
      );
      renewing = renewed.then(() => {
        if (timer === mine) schedule();
      });
    }, PERIOD_MS);
    timer = mine;
  }

  function stop(): void {
    timer?.cancel();
    timer = undefined;
  }

  return {
    start() {
      if (!timer) schedule();
    },
    stop,
    get freshMs() {
      return timer && 2 * PERIOD_MS;
    },
    async [Symbol.asyncDispose]() {
      stop();
      await renewing;
    },
  };
}
