/**
 * An agent joins once: with its join token it asks for a certificate. The certificate renews
 * itself, and outlives restarts without the token.
 */
import { join } from 'node:path';
import { anySignal } from '../../base/abort.ts';
import { backoffDelayMs } from '../../base/backoff.ts';
import { type Clock, sleep, systemClock } from '../../base/clock.ts';
import { errorMessage, TransientError, UserError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import { readIfThere, writePrivateFile } from '../../base/private-file.ts';
import { type Rng, systemRng } from '../../base/rng.ts';
import { createHttpClient } from '../../client/http.ts';
import { type ClientIdentity, fixedIdentity, type IdentitySource } from '../../client/identity.ts';
import { openNodeIdentity } from '../../node-agent/identity/node-identity.ts';
import { requestCertificate } from '../../node-agent/identity/request-certificate.ts';
import { isStatusError } from '../../schemas/errors/status.ts';
import { makeDataDir } from '../start/data-dir.ts';
import { isBootstrapSecret, parseJoinToken } from './join-token.ts';

export interface JoinOptions {
  readonly server: string;
  readonly tokenFile: string | undefined;
  readonly nodeName: string;
  /** The agent's own state. */
  readonly directory: string;
  readonly signal: AbortSignal;
  readonly logger: Logger;
  readonly clock?: Clock;
  readonly rng?: Rng;
}

export interface JoinedNode extends AsyncDisposable {
  readonly identity: IdentitySource;
  readonly caPem: string;
}

const CA_FILE = 'ca.crt';
const CERTIFICATE_FILE = 'node.pem';
const RETRY = { initialMs: 500, maxMs: 4_000, factor: 2 };

export async function joinCluster(options: JoinOptions): Promise<JoinedNode> {
  const { directory, nodeName } = options;
  const { secret, caPem } = await readJoin(options);
  // A certificate that cannot be kept is of no use.
  await makeDataDir(directory);
  if (secret !== undefined && !isBootstrapSecret(secret)) {
    const identity = fixedIdentity({ token: secret });
    return { identity, caPem, [Symbol.asyncDispose]: () => Promise.resolve() };
  }
  const identity = await untilReached(options, () =>
    openNodeIdentity({
      nodeName,
      caPem,
      file: join(directory, CERTIFICATE_FILE),
      obtain: (certificate, signal) =>
        obtain(options, caPem, certificate ? { certificate } : asBootstrapper(options, secret), signal),
      clock: options.clock ?? systemClock,
      rng: options.rng ?? systemRng,
      logger: options.logger,
    }),
  );
  await writePrivateFile(join(directory, CA_FILE), caPem);
  return { identity, caPem, [Symbol.asyncDispose]: () => identity[Symbol.asyncDispose]() };
}

/** The token, if there still is one, and the authority, from the token or an earlier start. */
async function readJoin({
  tokenFile,
  directory,
}: JoinOptions): Promise<{ readonly secret?: string; readonly caPem: string }> {
  const token = tokenFile === undefined ? undefined : await readIfThere(tokenFile);
  if (token !== undefined) return parseJoinToken(token);
  const caPem = await readIfThere(join(directory, CA_FILE));
  if (caPem !== undefined) return { caPem };
  throw new UserError(
    tokenFile === undefined
      ? 'Cannot start an agent: --token-file is missing, and this node has not joined a cluster before'
      : `Cannot start an agent: there is no file "${tokenFile}", and this node has not joined a cluster before`,
  );
}

function asBootstrapper({ nodeName }: JoinOptions, secret: string | undefined): ClientIdentity {
  if (secret !== undefined) return { token: secret };
  throw new UserError(
    `Cannot join: node "${nodeName}" has no certificate that is still valid; give it a new token with --token-file`,
  );
}

async function obtain(
  { server, nodeName, logger, clock = systemClock, signal }: JoinOptions,
  ca: string,
  identity: ClientIdentity,
  stopped: AbortSignal,
): ReturnType<typeof requestCertificate> {
  const client = createHttpClient({ server, ca, identity: fixedIdentity(identity), clock, logger });
  const ended = anySignal(signal, stopped);
  try {
    return await requestCertificate({ client, nodeName, clock, signal: ended });
  } finally {
    ended[Symbol.dispose]();
    client[Symbol.dispose]();
  }
}

/** A control plane that is not up yet is no reason to give up; one that says no is. */
async function untilReached<T>(
  { signal, logger, clock = systemClock }: JoinOptions,
  task: () => Promise<T>,
): Promise<T> {
  for (let failures = 1; ; failures += 1) {
    try {
      return await task();
    } catch (error) {
      const passes = error instanceof TransientError || (isStatusError(error) && error.code >= 500);
      if (!passes || signal.aborted) throw error;
      logger.warn({ error: errorMessage(error), failures }, 'Cannot join yet');
      await sleep(clock, backoffDelayMs(RETRY, failures), signal);
    }
  }
}
