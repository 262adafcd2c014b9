/**
 * The cluster's certificate authority. It is made once, kept under the identity directory (0600)
 * and shared by every API server. No certificate outlives it.
 */
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import { join } from 'node:path';
import * as x509 from '@peculiar/x509';
import type { Clock } from '../../base/clock.ts';
import { readIfThere } from '../../base/private-file.ts';
import { ALGORITHM, ensureKeyed, generateKeys, type KeyedCertificate, keyed, pemOf } from './key-files.ts';

export type CertificatePurpose = 'client auth' | 'server auth';

export interface IssueRequest {
  readonly commonName: string;
  readonly organizations?: readonly string[];
  readonly purposes: readonly CertificatePurpose[];
  /** `keyEncipherment`, which is for RSA keys only. */
  readonly keyEncipherment?: boolean;
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: ArrayBuffer | Uint8Array;
  readonly dnsNames?: readonly string[];
  readonly ipAddresses?: readonly string[];
  readonly lifetimeMs: number;
  /** How far back it begins, since other clocks may be behind ours. Defaults to five minutes. */
  readonly backdateMs?: number;
}

export interface Authority {
  readonly caPem: string;
  readonly certificate: x509.X509Certificate;
  /** The certificate, PEM. Ends with the authority at the latest. */
  issue(request: IssueRequest): Promise<string>;
}

/** A certificate with a key that was made for it; both PEM. */
export interface Identity {
  readonly certPem: string;
  readonly keyPem: string;
}

export interface AuthorityOptions {
  /** Where ca.crt and ca.key live. */
  readonly directory: string;
  readonly clock: Clock;
}

const SIGN = x509.KeyUsageFlags.digitalSignature;
const SIGN_AND_ENCIPHER: x509.KeyUsageFlags = SIGN | x509.KeyUsageFlags.keyEncipherment;
const DAY_MS = 24 * 3_600_000;
const CA_DAYS = 3_650;
const CA_BACKDATE_MS = 3_600_000;
/** The duration of upstream's signer. */
const BACKDATE_MS = 300_000;

/** Whether there is one already. Clients cannot trust one that is yet to be made. */
export async function hasAuthority(directory: string): Promise<boolean> {
  return (await readIfThere(join(directory, 'ca.crt'))) !== undefined;
}

export async function openAuthority({ directory, clock }: AuthorityOptions): Promise<Authority> {
  const authority = await ensureKeyed(directory, 'ca', (keys) => certifyAuthority(keys, clock.now()));
  const keyId = await x509.AuthorityKeyIdentifierExtension.create(authority.certificate.publicKey);
  return {
    caPem: authority.certPem,
    certificate: authority.certificate,
    issue: (request) => issue(authority, keyId, request, clock.now()),
  };
}

/** A certificate for a key that is made here. */
export async function issueIdentity(
  authority: Authority,
  request: Omit<IssueRequest, 'publicKey'>,
): Promise<Identity> {
  const keys = await generateKeys();
  const publicKey = await webcrypto.subtle.exportKey('spki', keys.publicKey);
  const certPem = await authority.issue({ ...request, publicKey });
  const { keyPem } = await keyed(new x509.X509Certificate(certPem), keys.privateKey);
  return { certPem, keyPem };
}

async function certifyAuthority(keys: webcrypto.CryptoKeyPair, now: number): Promise<x509.X509Certificate> {
  return await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: 'CN=symphony-ca',
    notBefore: new Date(now - CA_BACKDATE_MS),
    notAfter: new Date(now + CA_DAYS * DAY_MS),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
}

async function issue(
  authority: KeyedCertificate,
  keyId: x509.AuthorityKeyIdentifierExtension,
  request: IssueRequest,
  now: number,
): Promise<string> {
  const { subject, notBefore: caNotBefore, notAfter: caNotAfter } = authority.certificate;
  const begins = Math.max(now - (request.backdateMs ?? BACKDATE_MS), caNotBefore.getTime());
  const ends = Math.min(now + request.lifetimeMs, caNotAfter.getTime());
  const purposes = request.purposes.map((purpose) =>
    purpose === 'client auth' ? x509.ExtendedKeyUsage.clientAuth : x509.ExtendedKeyUsage.serverAuth,
  );
  const names: x509.JsonGeneralNames = [
    ...(request.dnsNames ?? []).map((value) => ({ type: 'dns' as const, value })),
    ...(request.ipAddresses ?? []).map((value) => ({ type: 'ip' as const, value })),
  ];
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: subjectOf(request),
    issuer: subject,
    notBefore: new Date(begins),
    notAfter: new Date(ends),
    signingAlgorithm: ALGORITHM,
    publicKey: request.publicKey,
    signingKey: authority.key,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(request.keyEncipherment ? SIGN_AND_ENCIPHER : SIGN, true),
      new x509.ExtendedKeyUsageExtension(purposes),
      ...(names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(names)]),
      keyId,
    ],
  });
  return pemOf(certificate);
}

/** Typed values: texts would be read as RFC 2253, where quotes and `#` have a meaning. */
function subjectOf({ organizations = [], commonName }: IssueRequest): x509.Name {
  return new x509.Name([
    ...organizations.map((utf8String) => ({ O: [{ utf8String }] })),
    { CN: [{ utf8String: commonName }] },
  ]);
}

/** 16 random bytes, positive, as RFC 5280 requires. */
function serialNumber(): string {
  const bytes = webcrypto.getRandomValues(new Uint8Array(16));
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x01;
  return Buffer.from(bytes).toString('hex');
}
