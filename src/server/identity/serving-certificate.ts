/**
 * The serving certificate. It is made anew before it ends, and when the host has other names or
 * addresses. Open connections keep the old one.
 */
import { ensureServerTls, type ServerTls, type ServerTlsOptions } from '../../api/tls/server-tls.ts';
import { createAbort } from '../../base/abort.ts';
import { sleep } from '../../base/clock.ts';
import { errorMessage } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';

export interface ServingCertificate extends AsyncDisposable {
  current(): ServerTls;
  /** Called after `current` has changed. */
  onChange(listener: (tls: ServerTls) => void): Disposable;
}

export interface ServingCertificateOptions extends Omit<ServerTlsOptions, 'hosts'> {
  /** The names and addresses that it must carry now. */
  hosts(): readonly string[];
  readonly logger: Logger;
}

/** A new address of the host is served this soon. */
const LOOK_INTERVAL_MS = 60_000;

export async function openServingCertificate(
  options: ServingCertificateOptions,
): Promise<ServingCertificate> {
  const { clock, logger } = options;
  const ensure = (): Promise<ServerTls> => ensureServerTls({ ...options, hosts: options.hosts() });
  const listeners = new Set<(tls: ServerTls) => void>();
  const stop = createAbort();
  let tls = await ensure();

  async function keep(): Promise<void> {
    for (;;) {
      await sleep(clock, LOOK_INTERVAL_MS, stop.signal);
      if (stop.signal.aborted) return;
      try {
        const next = await ensure();
        if (next.certPem === tls.certPem) continue;
        tls = next;
        logger.info({}, 'Renewed the serving certificate');
        for (const listener of [...listeners]) listener(next);
      } catch (error) {
        logger.error({ error: errorMessage(error) }, 'Cannot renew the serving certificate');
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
