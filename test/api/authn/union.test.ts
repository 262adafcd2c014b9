import { describe, expect, it } from 'vitest';
import { type TokenAuthenticator, TokenRefused, type Authenticator } from '../../../src/api/authn/types.ts';
import { createTokenReviewer, createUnionAuthenticator } from '../../../src/api/authn/union.ts';

const OWN = ['api'];
const ann = { name: 'ann', groups: [] };
const bob = { name: 'bob', groups: [] };
const knows = (token: string, user = ann): TokenAuthenticator => ({
  authenticateToken: async (text) => (text === token ? { user } : undefined),
});
const refuses: TokenAuthenticator = {
  authenticateToken: () => Promise.reject(new TokenRefused('it has expired')),
};
const certificate = (result: 'user' | 'rejected' | 'anonymous'): Authenticator => ({
  authenticate: async () => (result === 'user' ? { result, user: bob } : { result }),
});
const union = (sorts: readonly TokenAuthenticator[], certificates?: Authenticator) =>
  createUnionAuthenticator({ certificates, tokens: createTokenReviewer(sorts, OWN), audiences: OWN });

describe('all ways to prove who one is', () => {
  it('are asked one after the other until one vouches', async () => {
    const { authenticate } = union([refuses, knows('b', bob), knows('a')]);
    expect(await authenticate({ headers: { authorization: 'Bearer a' } })).toEqual({
      result: 'user',
      user: ann,
    });
  });

  it('refuse a claim that nobody vouches for, and call anonymous only who claims nothing', async () => {
    const { authenticate } = union([knows('a')], certificate('anonymous'));
    for (const authorization of ['Bearer x', 'bearer x', 'Bearer x y'])
      expect(await authenticate({ headers: { authorization } })).toEqual({ result: 'rejected' });
    expect(await authenticate({ headers: {} })).toEqual({ result: 'anonymous' });
    expect(await authenticate({ headers: { authorization: '' } })).toEqual({ result: 'anonymous' });
  });

  it('take a good token beside a bad certificate, and a good certificate first', async () => {
    const headers = { authorization: 'Bearer a' };
    const beside = union([knows('a')], certificate('rejected'));
    expect(await beside.authenticate({ headers })).toEqual({ result: 'user', user: ann });
    expect(await beside.authenticate({ headers: {} })).toEqual({ result: 'rejected' });
    const first = union([knows('a')], certificate('user'));
    expect(await first.authenticate({ headers })).toEqual({ result: 'user', user: bob });
  });

  it('take the token that a browser sends with a WebSocket', async () => {
    const { authenticate } = union([knows('a')]);
    const carried = `base64url.bearer.authorization.k8s.io.${Buffer.from('a').toString('base64url')}`;
    const headers = { 'sec-websocket-protocol': `v5.channel.k8s.io, ${carried}` };
    expect(await authenticate({ headers })).toEqual({ result: 'user', user: ann });
  });

  it('fail when a store that must be asked does not answer, rather than refuse', async () => {
    const broken: TokenAuthenticator = { authenticateToken: () => Promise.reject(new Error('away')) };
    const { authenticate } = union([broken, knows('a')]);
    await expect(authenticate({ headers: { authorization: 'Bearer a' } })).rejects.toThrow('away');
  });
});

describe('a review of a token', () => {
  it('tells why a token of ours is worth nothing, and nothing of others', async () => {
    expect(await createTokenReviewer([refuses], OWN).review('a', OWN)).toEqual({
      valid: false,
      why: 'it has expired',
    });
    expect(await createTokenReviewer([knows('b')], OWN).review('a', OWN)).toEqual({
      valid: false,
      why: undefined,
    });
  });

  it('takes tokens without an audience to be meant for this server alone', async () => {
    const { review } = createTokenReviewer([knows('a')], OWN);
    expect(await review('a', ['api', 'vault'])).toEqual({
      valid: true,
      owner: { user: ann, audiences: ['api'] },
    });
    expect(await review('a', ['vault'])).toEqual({ valid: false, why: undefined });
  });
});
