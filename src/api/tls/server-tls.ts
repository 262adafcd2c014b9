/** The certificate of one API server, made anew near its end or when its names must change. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import { type Authority, type Identity, issueIdentity } from './authority.ts';
import { readIfThere, writePrivateFile } from '../../base/private-file.ts';

export interface ServerTls extends Identity {
  readonly caPem: string;
}

export interface ServerTlsOptions {
  readonly authority: Authority;
  /** Where apiserver.crt and apiserver.key live. */
  readonly directory: string;
  /** Addresses and names that clients use; the names that every cluster has are added. */
  readonly hosts: readonly string[];
  readonly clock: Clock;
}

const DAY_MS = 24 * 3_600_000;
const LIFETIME_MS = 365 * DAY_MS;
/** A certificate is renewed this long before it ends. */
const RENEW_BEFORE_MS = 60 * DAY_MS;
/** Clocks of clients may be behind ours. */
const BACKDATE_MS = 3_600_000;

/** Every server of the cluster has this name: servers recognise each other at any address. */
export const SERVER_NAME = 'kubernetes.default.svc';
/** Names by which the API server is known inside the cluster. */
const CLUSTER_NAMES = ['kubernetes', 'kubernetes.default', SERVER_NAME];

/** Reads or makes the server's certificate and key. */
export async function ensureServerTls(options: ServerTlsOptions): Promise<ServerTls> {
  const { authority, directory, clock } = options;
  const hosts = [...new Set([...options.hosts, 'localhost', '127.0.0.1', '::1', ...CLUSTER_NAMES])];
  const found = await load(directory);
  const { certPem, keyPem } =
    found && isUsable(found, authority, hosts, clock.now()) ? found : await make(directory, authority, hosts);
  return { caPem: authority.caPem, certPem, keyPem };
}

function isUsable(
  { certPem, keyPem }: Identity,
  authority: Authority,
  hosts: readonly string[],
  now: number,
) {
  try {
    const certificate = new X509Certificate(certPem);
    const issuer = new X509Certificate(authority.caPem);
    return (
      Date.parse(certificate.validTo) - now >= RENEW_BEFORE_MS &&
      certificate.checkPrivateKey(createPrivateKey(keyPem)) &&
      certificate.checkIssued(issuer) &&
      certificate.verify(issuer.publicKey) &&
      hosts.every((host) =>
        isIP(host) ? certificate.checkIP(host) !== undefined : certificate.checkHost(host) !== undefined,
      )
    );
  } catch {
    return false;
  }
}

async function make(directory: string, authority: Authority, hosts: readonly string[]): Promise<Identity> {
  const identity = await issueIdentity(authority, {
    commonName: 'symphony-apiserver',
    purposes: ['server auth'],
    dnsNames: hosts.filter((host) => !isIP(host)),
    ipAddresses: hosts.filter((host) => isIP(host)),
    lifetimeMs: LIFETIME_MS,
    backdateMs: BACKDATE_MS,
  });
  await writePrivateFile(join(directory, 'apiserver.key'), identity.keyPem);
  await writePrivateFile(join(directory, 'apiserver.crt'), identity.certPem);
  return identity;
}

async function load(directory: string): Promise<Identity | undefined> {
  const [certPem, keyPem] = await Promise.all([
    readIfThere(join(directory, 'apiserver.crt')),
    readIfThere(join(directory, 'apiserver.key')),
  ]);
  return certPem === undefined || keyPem === undefined ? undefined : { certPem, keyPem };
}
