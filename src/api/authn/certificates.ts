/**
 * Client certificates of the cluster's authority: the common name is the user, organisations are
 * groups. A certificate counts only while it is valid, and only if it was made for clients
 * (extended key usage). A server's certificate identifies nobody.
 */
import { createHash, X509Certificate } from 'node:crypto';
import { createBoundedMap } from '../../base/bounded-map.ts';
import type { Clock } from '../../base/clock.ts';
import type { Authentication, Authenticator, UserInfo } from './types.ts';

export interface CertificateAuthenticatorOptions {
  /** PEM of the authority whose certificates count. */
  readonly caPem: string;
  readonly clock: Pick<Clock, 'now'>;
}

interface Claim {
  readonly user: UserInfo;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** A client sends the same certificate with each connection, so the parsed result is kept. */
const MAX_REMEMBERED = 4_096;
/** id-kp-clientAuth and anyExtendedKeyUsage. */
const CLIENT_USES = ['1.3.6.1.5.5.7.3.2', '2.5.29.37.0'];
const CREDENTIAL_ID = 'authentication.kubernetes.io/credential-id';

export function createCertificateAuthenticator({
  caPem,
  clock,
}: CertificateAuthenticatorOptions): Authenticator {
  const issuer = new X509Certificate(caPem);
  const remembered = createBoundedMap<string, Claim | undefined>(MAX_REMEMBERED);
  // A connection returns the same buffer each time, so its certificate is hashed once.
  const ofBuffer = new WeakMap<Buffer, { readonly claim: Claim | undefined }>();

  function claimOf(der: Buffer): Claim | undefined {
    const known = ofBuffer.get(der);
    if (known) return known.claim;
    const fingerprint = createHash('sha256').update(der).digest('hex');
    const claim = remembered.remember(fingerprint, () => readClaim(der, fingerprint, issuer));
    ofBuffer.set(der, { claim });
    return claim;
  }

  return {
    authenticate({ certificate }): Authentication {
      if (certificate === undefined) return { result: 'anonymous' };
      const claim = claimOf(certificate);
      const now = clock.now();
      if (!claim || now < claim.notBeforeMs || now > claim.notAfterMs) return { result: 'rejected' };
      return { result: 'user', user: claim.user };
    },
  };
}

function readClaim(der: Buffer, fingerprint: string, issuer: X509Certificate): Claim | undefined {
  try {
    const certificate = new X509Certificate(der);
    if (!certificate.checkIssued(issuer) || !certificate.verify(issuer.publicKey)) return undefined;
    // Node's types are wrong about keyUsage: a certificate without the extension has none.
    const uses = certificate.keyUsage as readonly string[] | undefined;
    if (!uses?.some((use) => CLIENT_USES.includes(use))) return undefined;
    const subject = certificate.toLegacyObject().subject as unknown as Readonly<Record<string, unknown>>;
    const name = texts(subject['CN']).at(-1) ?? '';
    if (name === '') return undefined;
    return {
      user: {
        name,
        groups: [...new Set([...texts(subject['O']), 'system:authenticated'])],
        extra: { [CREDENTIAL_ID]: [`X509SHA256=${fingerprint}`] },
      },
      notBeforeMs: Date.parse(certificate.validFrom),
      notAfterMs: Date.parse(certificate.validTo),
    };
  } catch {
    return undefined;
  }
}

/** A part of a distinguished name: absent, one, or several. */
function texts(value: unknown): readonly string[] {
  return [value].flat().filter((item): item is string => typeof item === 'string');
}
