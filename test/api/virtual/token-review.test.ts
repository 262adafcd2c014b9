import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ISSUER } from '../../../src/api/authn/service-account-claims.ts';
import { anAccount, startTestAuthentication, type TestAuthentication } from '../authn/test-authentication.ts';

let test: TestAuthentication;
beforeEach(async () => {
  test = await startTestAuthentication();
  await test.core.objects.create(anAccount('builder'));
});
afterEach(() => test[Symbol.asyncDispose]());

const review = (token: string, audiences?: readonly string[]) =>
  test.review('tokenreviews', { spec: { token, ...(audiences ? { audiences } : {}) } });

describe('a TokenReview', () => {
  it('says whom a token stands for, and for whom it is meant', async () => {
    const token = await test.tokenOf('builder', { audiences: ['vault', 'bank'] });
    expect(await review(token, ['vault', 'other'])).toEqual({
      authenticated: true,
      audiences: ['vault'],
      user: {
        username: 'system:serviceaccount:default:builder',
        uid: expect.any(String),
        groups: ['system:serviceaccounts', 'system:serviceaccounts:default', 'system:authenticated'],
        extra: { 'authentication.kubernetes.io/credential-id': [expect.stringMatching(/^JTI=/)] },
      },
    });
    expect(await review('static-ann')).toEqual({
      authenticated: true,
      audiences: [ISSUER],
      user: { username: 'ann', groups: ['system:authenticated'] },
    });
  });

  it('says why a token is worth nothing', async () => {
    const token = await test.tokenOf('builder', { expirationSeconds: 600 });
    expect(await review(token, ['vault'])).toEqual({
      user: {},
      error: `[invalid bearer token, token audiences ["${ISSUER}"] is invalid for the target audiences ["vault"]]`,
    });
    await test.clock.advance(600_000);
    expect(await review(token)).toEqual({
      user: {},
      error: '[invalid bearer token, service account token has expired]',
    });
    expect(await review('nonsense')).toEqual({ user: {}, error: 'invalid bearer token' });
    await expect(review('')).rejects.toThrow('token is required for TokenReview in authentication');
  });
});

describe('a SelfSubjectReview', () => {
  it('says whom the server takes the asker for', async () => {
    const user = { name: 'ann', uid: '7', groups: ['dev'], extra: { scopes: ['a'] } };
    expect(await test.review('selfsubjectreviews', {}, user)).toEqual({
      userInfo: { username: 'ann', uid: '7', groups: ['dev'], extra: { scopes: ['a'] } },
    });
  });
});
