/**
 * The current identity, as requests present it. After a change, requests under way end as they
 * began; no idle socket of the old identity is used again.
 */
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { createSecureContext, type SecureContext } from 'node:tls';
import type { ClientIdentity, IdentitySource } from './identity.ts';

export interface Credentials {
  readonly token: string | undefined;
  readonly secureContext: SecureContext | undefined;
  /** Keeps the sockets of requests. */
  readonly agent: HttpAgent | HttpsAgent;
}

export interface PresentedIdentity extends Disposable {
  readonly current: Credentials;
  /** Called after a change. */
  onRenewal(listener: () => void): Disposable;
}

/**
 * Parallel requests of one client to one server; more wait in line. A handshake costs as much as
 * several requests: a burst of an agent must not open a socket for each of its pods.
 */
const MAX_SOCKETS = 8;
/** Finds half-open connections. */
export const TCP_KEEP_ALIVE_MS = 10_000;

export function presentIdentity(
  identity: IdentitySource,
  tls: { readonly ca: string | undefined } | undefined,
): PresentedIdentity {
  const renewals = new Set<() => void>();
  let current = present(identity.current(), tls);
  const changes = identity.onChange(() => {
    const { agent } = current;
    current = present(identity.current(), tls);
    agent.maxFreeSockets = 0;
    for (const sockets of Object.values(agent.freeSockets))
      for (const socket of sockets ?? []) socket.destroy();
    for (const listener of [...renewals]) listener();
  });
  return {
    get current() {
      return current;
    },
    onRenewal(listener) {
      renewals.add(listener);
      return { [Symbol.dispose]: () => void renewals.delete(listener) };
    },
    [Symbol.dispose]() {
      changes[Symbol.dispose]();
      current.agent.destroy();
    },
  };
}

function present(
  { token, certificate }: ClientIdentity,
  tls: { readonly ca: string | undefined } | undefined,
): Credentials {
  const keepAlive = { keepAlive: true, keepAliveMsecs: TCP_KEEP_ALIVE_MS, maxSockets: MAX_SOCKETS };
  if (!tls) return { token, secureContext: undefined, agent: new HttpAgent(keepAlive) };
  const secureContext = createSecureContext({
    ...(tls.ca === undefined ? {} : { ca: tls.ca }),
    ...(certificate ? { cert: certificate.certPem, key: certificate.keyPem } : {}),
  });
  return { token, secureContext, agent: new HttpsAgent({ ...keepAlive, secureContext }) };
}
