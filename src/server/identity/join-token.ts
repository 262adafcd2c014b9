/**
 * The join token: a secret and the certificate of the authority that the agent must find at the
 * server, so that no contact trusts blindly. The secret is a bootstrap token (`id.secret`), or an
 * older token of a node.
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
