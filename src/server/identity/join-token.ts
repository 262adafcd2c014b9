/**
 * What an agent needs to join, in one text: its secret and the certificate of the authority that it must find at the
 * server. Carrying the certificate means that a first contact never has to trust blindly. The secret is a bootstrap token
 * (`id.secret`), or a token of a node that was made before there were any.
 */
import { UserError } from '../../base/errors.ts';

export interface JoinToken {
  readonly secret: string;
  readonly caPem: string;
}

const BOOTSTRAP = /^[a-z0-9]{6}\.[a-z0-9]{16}$/;
const SECRET = /^[A-Za-z0-9_-]+$/;

export function formatJoinToken({ secret, caPem }: JoinToken): string {
  return `${secret}.${Buffer.from(caPem).toString('base64url')}`;
}

export function parseJoinToken(text: string): JoinToken {
  const trimmed = text.trim();
  const end = trimmed.lastIndexOf('.');
  const secret = trimmed.slice(0, Math.max(end, 0));
  const caPem = Buffer.from(trimmed.slice(end + 1), 'base64url').toString('utf8');
  const isSecret = isBootstrapSecret(secret) || SECRET.test(secret);
  if (!isSecret || !caPem.startsWith('-----BEGIN CERTIFICATE-----')) {
    throw new UserError(
      'Cannot read the join token: make one with "symphony token create" on the control plane',
    );
  }
  return { secret, caPem };
}

/** Whether the secret lets its bearer ask for a certificate, and nothing else. */
export function isBootstrapSecret(secret: string): boolean {
  return BOOTSTRAP.test(secret);
}
