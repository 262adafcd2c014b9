/**
 * The certificates of Ingresses: which host is served which one. Pure. A host whose Secret is
 * missing or invalid gets the default certificate of the proxy, or one that the proxy obtains.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { omit } from '../../schemas/json-access.ts';
import type { Ingress, Secret } from '../../schemas/types.ts';
import type { HostCertificate, Problem } from './proxy-model.ts';

/** A Secret as this host sees it; otherwise why it does not. */
export type SecretView = Secret | string;

export interface CertificatesInput {
  readonly ingresses: readonly (readonly [Ingress, { readonly wantsCertificates: boolean }])[];
  /** By `namespace/name`. Undefined: not read yet. */
  secret(key: string): SecretView | undefined;
  /** The proxy may obtain certificates. */
  readonly isAutomatic: boolean;
}

export interface CertificatesPlan {
  readonly certificates: readonly HostCertificate[];
  readonly automaticHosts: readonly string[];
  readonly problems: readonly Problem[];
}

export const TLS_SECRET = 'kubernetes.io/tls';

export function planCertificates({ ingresses, secret, isAutomatic }: CertificatesInput): CertificatesPlan {
  const certificates = new Map<string, Entry>();
  const problems: Problem[] = [];
  const served = new Set<string>();
  const wanted = new Set<string>();
  const serve = (entry: Entry, host: string): void => {
    if (!served.has(host)) entry.hosts.push(host);
    served.add(host);
  };
  const claims = ingresses.flatMap(([ingress, { wantsCertificates }]) =>
    (ingress.spec.tls ?? []).map((tls) => ({ ingress, tls, wantsCertificates })),
  );
  for (const { ingress, tls, wantsCertificates } of claims) {
    const { hosts: given = [], secretName } = tls;
    const hosts = given.length > 0 ? given : hostsOf(ingress);
    const key = `${ingress.metadata.namespace ?? ''}/${secretName ?? ''}`;
    const found = secretName ? secret(key) : 'no Secret is named';
    // The plan is made again once it was read.
    if (!found) continue;
    const complain = (why: string, about: readonly string[]): void =>
      void problems.push({
        about: ingress,
        reason: 'InvalidCertificate',
        message: complaint(key, why, about),
      });
    const pair = readPair(found);
    if (!pair.leaf) {
      const others = hosts.filter((host) => !isAutomatic || !wantsCertificates || host.startsWith('*.'));
      for (const host of hosts) if (!others.includes(host)) wanted.add(host);
      if (others.length > 0 || hosts.length === 0) complain(pair.problem, others);
      continue;
    }
    // Two Secrets with one certificate are one: the proxy keeps a certificate once.
    const { leaf } = pair;
    const owner = `${ingress.metadata.namespace ?? ''}/${ingress.metadata.name}`;
    const tag = leaf.fingerprint256;
    const entry = certificates.get(tag) ?? { tag, owner, hosts: [], leaf, ...pair.pem };
    certificates.set(tag, entry);
    for (const host of hosts)
      if (coversHost(leaf, host)) serve(entry, host);
      else complain('its certificate is not for this host', [host]);
  }
  // Names that no Ingress has: without them, their clients would be refused instead of answered.
  for (const entry of certificates.values()) for (const name of namesOf(entry.leaf)) serve(entry, name);
  return {
    certificates: [...certificates.values()].map((entry) => omit(entry, 'leaf')),
    automaticHosts: [...wanted].filter((host) => !served.has(host)).sort(),
    problems,
  };
}

interface Entry extends HostCertificate {
  readonly hosts: string[];
  readonly leaf: X509Certificate;
}

function hostsOf({ spec }: Ingress): readonly string[] {
  const hosts = (spec.rules ?? []).map(({ host }) => host);
  return [...new Set(hosts.filter((host) => host !== undefined && host !== ''))] as readonly string[];
}

const complaint = (key: string, why: string, hosts: readonly string[]): string =>
  `Cannot use Secret "${key}": ${why}; ${hosts.join(', ') || 'all hosts'}: the default certificate is served`;

export type CertificatePair =
  | { readonly leaf: X509Certificate; readonly pem: { certificate: string; key: string } }
  | { readonly leaf?: undefined; readonly problem: string };

export function readPair(secret: SecretView): CertificatePair {
  if (typeof secret === 'string') return { problem: secret };
  if (secret.type !== TLS_SECRET)
    return { problem: `its type is ${secret.type ?? 'Opaque'}, not ${TLS_SECRET}` };
  const pem = { certificate: decoded(secret, 'tls.crt'), key: decoded(secret, 'tls.key') };
  try {
    const leaf = new X509Certificate(pem.certificate);
    if (!leaf.checkPrivateKey(createPrivateKey(pem.key)))
      return { problem: 'tls.key is not the key of tls.crt' };
    return { leaf, pem };
  } catch {
    return { problem: 'tls.crt and tls.key must be a certificate and its key in PEM' };
  }
}

const decoded = ({ data = {} }: Secret, name: string): string =>
  Buffer.from(data[name] ?? '', 'base64').toString('utf8');

function coversHost(certificate: X509Certificate, host: string): boolean {
  // A wildcard in the certificate stands for one label, and so does the one of the rule.
  return certificate.checkHost(host.replace('*', 'any-label'), { subject: 'default' }) !== undefined;
}

/** DNS names of a certificate. */
function namesOf({ subjectAltName = '' }: X509Certificate): readonly string[] {
  return subjectAltName
    .split(', ')
    .flatMap((name) => (/^DNS:[A-Za-z0-9.*-]+$/.test(name) ? [name.slice(4).toLowerCase()] : []))
    .slice(0, MAX_NAMES);
}

/** Certificate authorities take at most this many names. */
const MAX_NAMES = 100;
