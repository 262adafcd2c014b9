/**
 * The node's certificate, renewed before it ends. Key and certificate are one file in the agent's
 * directory, so that they never part. If it cannot be renewed, the old one serves until it ends;
 * only then does the node need its bootstrap token again.
 */
import { createAbort } from '../../base/abort.ts';
import { backoffDelayMs } from '../../base/backoff.ts';
import { type Clock, sleep } from '../../base/clock.ts';
import { errorMessage } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import { readIfThere, writePrivateFile } from '../../base/private-file.ts';
import type { Rng } from '../../base/rng.ts';
import type { ClientIdentity, IdentitySource } from '../../client/identity.ts';
import { isUsable, renewAtMs, validityOf } from './plan-renewal.ts';
import type { NodeCertificate } from './request-certificate.ts';

export interface NodeIdentityOptions {
  readonly nodeName: string;
  readonly caPem: string;
  /** Where certificate and key are kept, mode 0600; undefined keeps them in memory only. */
  readonly file: string | undefined;
  /** A certificate for a new key; `current` is the one that still counts, if one does. */
  obtain(current: NodeCertificate | undefined, signal: AbortSignal): Promise<NodeCertificate>;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger: Logger;
}

export interface NodeIdentity extends IdentitySource, AsyncDisposable {
  /** When the present certificate ends. */
  readonly notAfterMs: number;
}

const RETRY = { initialMs: 1_000, maxMs: 60_000, factor: 2 };

/** Resolves once there is a certificate; rejects with what stands in the way of a first one. */
export async function openNodeIdentity(options: NodeIdentityOptions): Promise<NodeIdentity> {
  const { file, clock, rng } = options;
  const user = `system:node:${options.nodeName}`;
  const logger = options.logger.child({ component: 'identity' });
  const stop = createAbort();
  const listeners = new Set<() => void>();
  const isCurrent = ({ certPem }: NodeCertificate): boolean =>
    isUsable(certPem, options.caPem, user, clock.now());

  async function obtain(current: NodeCertificate | undefined): Promise<NodeCertificate> {
    const next = await options.obtain(current, stop.signal);
    if (file !== undefined) await writePrivateFile(file, `${next.certPem.trim()}\n${next.keyPem.trim()}\n`);
    return next;
  }

  const kept = file === undefined ? undefined : parseKept((await readIfThere(file)) ?? '');
  let certificate = kept && isCurrent(kept) ? kept : await obtain(undefined);

  async function keepValid(): Promise<void> {
    let pauseMs = RETRY.initialMs;
    for (let failures = 0; !stop.signal.aborted; ) {
      if (failures === 0) {
        const dueMs = renewAtMs(validityOf(certificate.certPem), rng.next());
        await sleep(clock, Math.max(dueMs - clock.now(), pauseMs), stop.signal);
        if (clock.now() < dueMs) continue;
      } else await sleep(clock, backoffDelayMs(RETRY, failures) * (0.5 + rng.next() / 2), stop.signal);
      if (stop.signal.aborted) return;
      try {
        certificate = await obtain(isCurrent(certificate) ? certificate : undefined);
        failures = 0;
        // To a clock that is many hours ahead, each new certificate is due at once.
        pauseMs = RETRY.maxMs;
        logger.info({ until: validityOf(certificate.certPem).notAfterMs }, 'Renewed the certificate');
        for (const listener of [...listeners]) listener();
      } catch (error) {
        failures += 1;
        logger.error({ error: errorMessage(error), failures }, 'Cannot renew the certificate');
      }
    }
  }
  const running = keepValid();

  return {
    current: (): ClientIdentity => ({ certificate }),
    onChange(listener) {
      listeners.add(listener);
      return { [Symbol.dispose]: () => void listeners.delete(listener) };
    },
    get notAfterMs() {
      return validityOf(certificate.certPem).notAfterMs;
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
    },
  };
}

function parseKept(text: string): NodeCertificate | undefined {
  const [certPem] = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----\n?/.exec(text) ?? [];
  const [keyPem] = /-----BEGIN PRIVATE KEY-----[\s\S]+?-----END PRIVATE KEY-----\n?/.exec(text) ?? [];
  return certPem === undefined || keyPem === undefined ? undefined : { certPem, keyPem };
}
