import { describe, expect, it } from 'vitest';
import { UserError } from '../../../src/base/errors.ts';
import { clusterIdOf, gatewayOf } from '../../../src/server/identity/cluster-identity.ts';
import { formatJoinToken, parseJoinToken } from '../../../src/server/identity/join-token.ts';

const caPem = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n';

describe('join token', () => {
  it('carries the secret and the authority', () => {
    expect(parseJoinToken(`${formatJoinToken({ secret: 'abc_DEF-1', caPem })}\n`)).toEqual({
      secret: 'abc_DEF-1',
      caPem,
    });
  });

  it.each([
    '',
    'abc',
    'abc.!!!',
    `${formatJoinToken({ secret: 'a', caPem })}.b`,
    `.${Buffer.from(caPem).toString('base64url')}`,
  ])('refuses %j without echoing it', (text) => {
    expect(() => parseJoinToken(text)).toThrow(UserError);
    expect(() => parseJoinToken(text)).toThrow(/symphony token create/);
  });
});

describe('cluster identity', () => {
  it('is the same for the same authority, whatever the white space around it', () => {
    expect(clusterIdOf(caPem)).toBe(clusterIdOf(`\n${caPem}\n`));
    expect(clusterIdOf(caPem)).toMatch(/^[0-9a-f]{12}$/);
    expect(clusterIdOf(caPem)).not.toBe(clusterIdOf(caPem.replace('MIIB', 'MIIC')));
  });

  it('gives the first address of the network to the bridge', () => {
    expect(gatewayOf('10.244.0.0/16')).toBe('10.244.0.1');
  });
});
