/**
 * What an agent needs to join, in one text: its secret and the certificate of the authority that it must find at the
 * server. Carrying the certificate means that a first contact never has to trust blindly.
 */
import { UserError } from '../base/errors.ts';

export interface JoinToken {
  readonly secret: string;
  readonly caPem: string;
}

export function formatJoinToken({ secret, caPem }: JoinToken): string {
  return `${secret}.${Buffer.from(caPem).toString('base64url')}`;
}

export function parseJoinToken(text: string): JoinToken {
  const [secret, ca, ...rest] = text.trim().split('.');
  const caPem = Buffer.from(ca ?? '', 'base64url').toString('utf8');
  if (!secret || rest.length > 0 || !caPem.startsWith('-----BEGIN CERTIFICATE-----')) {
    throw new UserError(
      'Cannot read the join token: make one with "symphony token create" on the control plane',
    );
  }
  return { secret, caPem };
}
