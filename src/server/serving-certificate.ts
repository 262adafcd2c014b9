/**
 * The serving certificate while a control plane runs: looked after once a day, made anew before it ends, and given to whoever
 * serves with it. Connections that are open stay as they are; new ones get the new certificate.
 */
import { ensureServerTls, type ServerTls, type ServerTlsOptions } from '../api/tls/server-tls.ts';
import { createAbort } from '../base/abort.ts';
import { sleep } from '../base/clock.ts';
import { errorMessage } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';

export interface ServingCertificate extends AsyncDisposable {
  current(): ServerTls;
  /** Called after `current` has changed. */
  onChange(listener: (tls: ServerTls) => void): Disposable;
}

/** It is renewed two months before its end: a day that fails is no harm. */
const LOOK_INTERVAL_MS = 24 * 3_600_000;

export async function openServingCertificate(
  options: ServerTlsOptions & { readonly logger: Logger },
): Promise<ServingCertificate> {
  const { clock, logger } = options;
  const listeners = new Set<(tls: ServerTls) => void>();
  const stop = createAbort();
  let tls = await ensureServerTls(options);

  async function keep(): Promise<void> {
    for (;;) {
      await sleep(clock, LOOK_INTERVAL_MS, stop.signal);
      if (stop.signal.aborted) return;
      try {
        const next = await ensureServerTls(options);
        if (next.certPem === tls.certPem) continue;
        tls = next;
        logger.info({}, 'Renewed the serving certificate');
        for (const listener of [...listeners]) listener(next);
      } catch (error) {
        logger.warn({ error: errorMessage(error) }, 'Cannot renew the serving certificate');
      }
    }
  }
  const running = keep();

  return {
    current: () => tls,
    onChange(listener) {
      listeners.add(listener);
      return { [Symbol.dispose]: () => void listeners.delete(listener) };
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
    },
  };
}
