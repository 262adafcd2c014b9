/** When a certificate is renewed: at about four fifths of its life, not all nodes at once. Pure. */
import { X509Certificate } from 'node:crypto';

export interface Validity {
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

const EARLIEST = 0.75;
const SPREAD = 0.1;

/** `random` is uniform in [0, 1). */
export function renewAtMs({ notBeforeMs, notAfterMs }: Validity, random: number): number {
  return notBeforeMs + (notAfterMs - notBeforeMs) * (EARLIEST + SPREAD * random);
}

export function validityOf(certPem: string): Validity {
  const certificate = new X509Certificate(certPem);
  return { notBeforeMs: Date.parse(certificate.validFrom), notAfterMs: Date.parse(certificate.validTo) };
}

/** Whether a kept certificate can be used: of this user, of this authority, and not over. */
export function isUsable(certPem: string, caPem: string, user: string, nowMs: number): boolean {
  try {
    const certificate = new X509Certificate(certPem);
    const authority = new X509Certificate(caPem);
    const subject = certificate.toLegacyObject().subject as unknown as { readonly CN?: unknown };
    return (
      subject.CN === user &&
      certificate.checkIssued(authority) &&
      certificate.verify(authority.publicKey) &&
      Date.parse(certificate.validTo) > nowMs
    );
  } catch {
    return false;
  }
}
