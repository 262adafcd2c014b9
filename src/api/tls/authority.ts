/**
 * The cluster's own certificate authority and the API server's certificate. The authority is made once and kept under
 * the data directory (0600); the server's certificate is made anew when it is missing, near its end, or when the
 * names it must carry have changed.
 */
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import * as x509 from '@peculiar/x509';
import type { Clock } from '../../base/clock.ts';
import { writePrivateFile } from './private-file.ts';

export interface ServerTls {
  readonly caPem: string;
  readonly certPem: string;
  readonly keyPem: string;
}

export interface ServerTlsOptions {
  /** Where ca.crt, ca.key, apiserver.crt and apiserver.key live. */
  readonly directory: string;
  /** Addresses and names that clients use; the cluster's own are added. */
  readonly hosts: readonly string[];
  readonly clock: Clock;
}

const DAY_MS = 24 * 3_600_000;
const CA_DAYS = 3_650;
const SERVER_DAYS = 365;
/** A certificate is renewed this long before it ends. */
const RENEW_BEFORE_MS = 60 * DAY_MS;
/** Clocks of clients may be behind ours. */
const BACKDATE_MS = 3_600_000;

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

/** Names by which the API server is known inside the cluster. */
const CLUSTER_NAMES = [
  'kubernetes',
  'kubernetes.default',
  'kubernetes.default.svc',
  'kubernetes.default.svc.cluster.local',
];

interface KeyedCertificate {
  readonly certificate: x509.X509Certificate;
  readonly key: webcrypto.CryptoKey;
  readonly certPem: string;
  readonly keyPem: string;
}

/** Reads or makes what the server needs to serve HTTPS. */
export async function ensureServerTls(options: ServerTlsOptions): Promise<ServerTls> {
  x509.cryptoProvider.set(webcrypto);
  const now = options.clock.now();
  const authority = (await load(options.directory, 'ca')) ?? (await makeAuthority(options.directory, now));
  const hosts = [
    ...new Set([...options.hosts, 'localhost', '127.0.0.1', '::1', '10.96.0.1', ...CLUSTER_NAMES]),
  ];
  const existing = await load(options.directory, 'apiserver');
  const usable = existing && (await isUsable(existing.certificate, authority.certificate, hosts, now));
  const server = usable ? existing : await makeServer(options.directory, authority, hosts, now);
  return { caPem: authority.certPem, certPem: server.certPem, keyPem: server.keyPem };
}

async function isUsable(
  certificate: x509.X509Certificate,
  authority: x509.X509Certificate,
  hosts: readonly string[],
  now: number,
): Promise<boolean> {
  if (certificate.notAfter.getTime() - now < RENEW_BEFORE_MS) return false;
  const extension = certificate.getExtension(x509.SubjectAlternativeNameExtension);
  const carried = new Set((extension?.names.items ?? []).map((name) => name.value));
  if (!hosts.every((host) => carried.has(host))) return false;
  return certificate.verify({ publicKey: authority.publicKey, date: new Date(now) });
}

async function makeAuthority(directory: string, now: number): Promise<KeyedCertificate> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: 'CN=symphony-ca',
    notBefore: new Date(now - BACKDATE_MS),
    notAfter: new Date(now + CA_DAYS * DAY_MS),
    signingAlgorithm: ALGORITHM,
    keys: keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return save(directory, 'ca', certificate, keys.privateKey);
}

async function makeServer(
  directory: string,
  authority: KeyedCertificate,
  hosts: readonly string[],
  now: number,
): Promise<KeyedCertificate> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: 'CN=symphony-apiserver',
    issuer: authority.certificate.subject,
    notBefore: new Date(now - BACKDATE_MS),
    notAfter: new Date(now + SERVER_DAYS * DAY_MS),
    signingAlgorithm: ALGORITHM,
    publicKey: keys.publicKey,
    signingKey: authority.key,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(
        hosts.map((host) => ({ type: isIP(host) ? ('ip' as const) : ('dns' as const), value: host })),
      ),
      await x509.AuthorityKeyIdentifierExtension.create(authority.certificate.publicKey),
    ],
  });
  return save(directory, 'apiserver', certificate, keys.privateKey);
}

/** 16 random bytes, positive, as RFC 5280 wants it. */
function serialNumber(): string {
  const bytes = webcrypto.getRandomValues(new Uint8Array(16));
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x01;
  return Buffer.from(bytes).toString('hex');
}

async function save(
  directory: string,
  name: string,
  certificate: x509.X509Certificate,
  key: webcrypto.CryptoKey,
): Promise<KeyedCertificate> {
  const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', key);
  const keyPem = `${x509.PemConverter.encode(pkcs8, 'PRIVATE KEY')}\n`;
  const certPem = `${certificate.toString('pem')}\n`;
  // The key first: a certificate without its key would look complete.
  await writePrivateFile(join(directory, `${name}.key`), keyPem);
  await writePrivateFile(join(directory, `${name}.crt`), certPem);
  return { certificate, key, certPem, keyPem };
}

async function load(directory: string, name: string): Promise<KeyedCertificate | undefined> {
  const certPem = await readIfThere(join(directory, `${name}.crt`));
  const keyPem = await readIfThere(join(directory, `${name}.key`));
  if (certPem === undefined || keyPem === undefined) return undefined;
  const pkcs8 = x509.PemConverter.decode(keyPem)[0];
  if (!pkcs8) throw new Error(`Cannot use "${join(directory, `${name}.key`)}": it holds no key`);
  const key = await webcrypto.subtle.importKey('pkcs8', pkcs8, ALGORITHM, true, ['sign']);
  return { certificate: new x509.X509Certificate(certPem), key, certPem, keyPem };
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
