/** Whether a Secret holds a certificate and its key. Pure. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { Secret } from '../types.ts';

/** Why the Secret is no certificate; undefined where it is one. */
export function certificateTrouble(secret: Secret | undefined): string | undefined {
  if (!secret) return 'it does not exist';
  if (secret.type !== 'kubernetes.io/tls') return 'its type is not kubernetes.io/tls';
  const text = (name: string): string => Buffer.from(secret.data?.[name] ?? '', 'base64').toString('latin1');
  try {
    const certificate = new X509Certificate(text('tls.crt'));
    return certificate.checkPrivateKey(createPrivateKey(text('tls.key')))
      ? undefined
      : 'tls.key is not the key of tls.crt';
  } catch {
    return 'tls.crt or tls.key cannot be read';
  }
}
