/**
 * Leadership over a fenced lease. `lead` runs while the lease is held; its signal aborts when the
 * lease is lost or not renewed in time.
 *
 * Time is measured on the holder's own clock from *before* each renewal, so that the holder gives
 * up before the store lets another one in. The fence makes late writes harmless in any case.
 */
import { createAbort } from '../base/abort.ts';
import { type BackoffPolicy, backoffDelayMs } from '../base/backoff.ts';
import { type Clock, sleep } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { Fence, HeldLease, Store } from './types.ts';

export interface LeadershipOptions {
  readonly store: Pick<Store, 'acquireLease' | 'releaseLease'>;
  readonly lease: string;
  /** Unique to this process. */
  readonly holder: string;
  readonly clock: Clock;
  readonly ttlMs: number;
  readonly logger: Logger;
  /** Runs until `signal` aborts; commits with `fence`. */
  lead(fence: Fence, signal: AbortSignal): Promise<void>;
  /** Ends leading; the lease is released once `lead` has ended. */
  readonly signal: AbortSignal;
}

/** Three attempts to renew within the lease's time. */
const RENEWALS_PER_TTL = 3;
/** The pause after `lead` has failed by itself, so that a broken leader does not spin. */
const RESTART: BackoffPolicy = { initialMs: 500, maxMs: 30_000, factor: 2 };

/** Resolves after `signal` has aborted and `lead` has ended. */
export async function runWithLeadership(options: LeadershipOptions): Promise<void> {
  const { store, lease, holder, clock, ttlMs, signal } = options;
  const logger = options.logger.child({ lease, holder });
  const retryMs = ttlMs / RENEWALS_PER_TTL;
  let failures = 0;
  while (!signal.aborted) {
    const askedAt = clock.now();
    const held = await acquire(options, logger);
    if (!held) {
      await sleep(clock, retryMs, signal);
      continue;
    }
    logger.info({ fence: held.token }, 'Leading');
    const outcome = await leadWhileHeld(options, held, askedAt, logger);
    await store.releaseLease(lease, holder).catch((error: unknown) => {
      logger.warn({ error }, 'Cannot release the lease; it expires by itself');
    });
    failures = outcome === 'failed' ? failures + 1 : 0;
    await sleep(clock, failures > 0 ? backoffDelayMs(RESTART, failures) : retryMs, signal);
  }
}

/** Undefined while another holder has the lease, or the store does not answer. */
async function acquire(options: LeadershipOptions, logger: Logger): Promise<HeldLease | undefined> {
  try {
    return await options.store.acquireLease(options.lease, options.holder, options.ttlMs);
  } catch (error) {
    if (!options.signal.aborted) logger.error({ error }, 'Cannot acquire the lease');
    return undefined;
  }
}

async function leadWhileHeld(
  options: LeadershipOptions,
  held: HeldLease,
  askedAt: number,
  logger: Logger,
): Promise<'ended' | 'failed'> {
  const { lease, clock, ttlMs, signal } = options;
  const term = createAbort();
  const stop = (): void => term.abort();
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  let validUntil = askedAt + ttlMs;
  const expire = (): void => {
    if (clock.now() < validUntil) {
      expiry = clock.setTimer(expire, validUntil - clock.now());
      return;
    }
    if (!term.signal.aborted) logger.warn({}, 'The lease could not be renewed in time; leading no longer');
    stop();
  };
  let expiry = clock.setTimer(expire, validUntil - clock.now());

  const renewing = (async () => {
    for (;;) {
      await sleep(clock, ttlMs / RENEWALS_PER_TTL, term.signal);
      if (term.signal.aborted) return;
      const at = clock.now();
      try {
        const renewed = await options.store.acquireLease(lease, options.holder, ttlMs);
        if (renewed?.token !== held.token) {
          logger.warn({}, 'The lease has passed on; leading no longer');
          return stop();
        }
        validUntil = at + ttlMs;
      } catch (error) {
        logger.error({ error }, 'Cannot renew the lease');
      }
    }
  })();

  try {
    await options.lead({ lease, token: held.token }, term.signal);
    return 'ended';
  } catch (error) {
    if (term.signal.aborted) return 'ended';
    logger.error({ error }, 'Leading failed');
    return 'failed';
  } finally {
    stop();
    expiry.cancel();
    signal.removeEventListener('abort', stop);
    await renewing;
  }
}
