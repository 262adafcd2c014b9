import { decodeJwt, decodeProtectedHeader, createLocalJWKSet, jwtVerify, SignJWT } from 'jose';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ISSUER, legacyClaims } from '../../../src/api/authn/service-account-claims.ts';
import { createServiceAccountTokens } from '../../../src/api/authn/service-account-tokens.ts';
import { newSigningKeyPem, signingKeyOf } from '../../../src/api/tls/signing-key.ts';
import {
  aSecret,
  anAccount,
  anAccountsPod,
  startTestAuthentication,
  type TestAuthentication,
} from './test-authentication.ts';

let test: TestAuthentication;
beforeEach(async () => {
  test = await startTestAuthentication();
  await test.core.objects.create(anAccount('builder'));
});
afterEach(() => test[Symbol.asyncDispose]());

const rejected = { result: 'rejected' };

describe('a service account token', () => {
  it('says who it is for in the claims of upstream', async () => {
    await test.core.objects.create(anAccountsPod('web', 'builder'));
    const token = await test.tokenOf('builder', {
      boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'web' },
    });
    expect(decodeProtectedHeader(token)).toEqual({ alg: 'ES256', kid: expect.any(String) });
    const now = test.clock.now() / 1_000;
    expect(decodeJwt(token)).toEqual({
      aud: [ISSUER],
      exp: now + 3_600,
      iat: now,
      nbf: now,
      iss: ISSUER,
      jti: expect.stringMatching(/^[0-9a-f-]{36}$/),
      sub: 'system:serviceaccount:default:builder',
      'kubernetes.io': {
        namespace: 'default',
        serviceaccount: { name: 'builder', uid: expect.any(String) },
        pod: { name: 'web', uid: expect.any(String) },
      },
    });
  });

  it('can be checked by others with the published keys', async () => {
    const token = await test.tokenOf('builder', { audiences: ['vault'] });
    const { keySet, configuration } = test.serviceAccounts.documents;
    const keys = createLocalJWKSet(JSON.parse(keySet));
    const currentDate = new Date(test.clock.now());
    const { payload } = await jwtVerify(token, keys, { issuer: ISSUER, audience: 'vault', currentDate });
    expect(payload.sub).toBe('system:serviceaccount:default:builder');
    expect(JSON.parse(configuration('https://api:6443'))).toEqual({
      issuer: ISSUER,
      jwks_uri: 'https://api:6443/openid/v1/jwks',
      response_types_supported: ['id_token'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['ES256'],
    });
    expect(keySet).not.toContain('"d"');
  });

  it('makes a user of the account, with its groups and where it is bound to', async () => {
    await test.core.objects.create({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1' } });
    await test.core.objects.create(anAccountsPod('web', 'builder', { nodeName: 'n1' }));
    const token = await test.tokenOf('builder', {
      boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'web' },
    });
    expect(await test.ask(token)).toEqual({
      result: 'user',
      user: {
        name: 'system:serviceaccount:default:builder',
        uid: expect.any(String),
        groups: ['system:serviceaccounts', 'system:serviceaccounts:default', 'system:authenticated'],
        extra: {
          'authentication.kubernetes.io/credential-id': [expect.stringMatching(/^JTI=/)],
          'authentication.kubernetes.io/node-name': ['n1'],
          'authentication.kubernetes.io/node-uid': [expect.any(String)],
          'authentication.kubernetes.io/pod-name': ['web'],
          'authentication.kubernetes.io/pod-uid': [expect.any(String)],
        },
      },
    });
  });

  it('ends with its time', async () => {
    const token = await test.tokenOf('builder', { expirationSeconds: 600 });
    await test.clock.advance(599_000);
    expect((await test.ask(token)).result).toBe('user');
    await test.clock.advance(1_000);
    expect(await test.ask(token)).toEqual(rejected);
  });

  it.each([
    ['ServiceAccount', 'builder'],
    ['Pod', 'web'],
  ])(
    'is worth nothing from the moment its %s is gone, and does not come back with the name',
    async (kind, name) => {
      await test.core.objects.create(anAccountsPod('web', 'builder'));
      const token = await test.tokenOf('builder', {
        boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'web' },
      });
      expect((await test.ask(token)).result).toBe('user');
      await test.remove(kind, name);
      await test.clock.advance(0);
      expect(await test.ask(token)).toEqual(rejected);
      await test.core.objects.create(kind === 'Pod' ? anAccountsPod('web', 'builder') : anAccount('builder'));
      expect(await test.ask(token)).toEqual(rejected);
    },
  );

  it('may be bound to a Secret or to a node, and goes with them', async () => {
    await test.core.objects.create(aSecret('s'));
    await test.core.objects.create({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1' } });
    for (const [kind, name] of [
      ['Secret', 's'],
      ['Node', 'n1'],
    ] as const) {
      const token = await test.tokenOf('builder', { boundObjectRef: { kind, apiVersion: 'v1', name } });
      expect((await test.ask(token)).result).toBe('user');
      await test.remove(kind, name);
      await test.clock.advance(0);
      expect(await test.ask(token)).toEqual(rejected);
    }
  });

  it('for another audience does not open this server', async () => {
    expect(await test.ask(await test.tokenOf('builder', { audiences: ['vault'] }))).toEqual(rejected);
    expect((await test.ask(await test.tokenOf('builder', { audiences: ['vault', ISSUER] }))).result).toBe(
      'user',
    );
  });

  it('is refused when another key has signed it, when it was changed, and when it is not signed at all', async () => {
    const token = await test.tokenOf('builder');
    const claims = decodeJwt(token);
    const other = signingKeyOf(newSigningKeyPem());
    const { kid } = decodeProtectedHeader(token);
    const forged = await new SignJWT(claims)
      .setProtectedHeader({ alg: 'ES256', ...(kid === undefined ? {} : { kid }) })
      .sign(other.privateKey);
    const [head = '', , signature = ''] = token.split('.');
    const changed = Buffer.from(JSON.stringify({ ...claims, sub: 'system:admin' })).toString('base64url');
    const none = Buffer.from(JSON.stringify({ alg: 'none', kid })).toString('base64url');
    for (const text of [
      forged,
      `${head}.${changed}.${signature}`,
      `${none}.${changed}.`,
      `${none}.${changed}.x`,
    ])
      expect(await test.ask(text)).toEqual(rejected);
  });

  it('costs one check of its signature, however often it is shown', async () => {
    const token = await test.tokenOf('builder');
    let checks = 0;
    const { createServiceAccountAuthenticator } = await import(
      '../../../src/api/authn/service-account-authenticator.ts'
    );
    const { createLiveObjects } = await import('../../../src/api/authn/live-objects.ts');
    const authenticator = createServiceAccountAuthenticator({
      verifier: {
        verify(text) {
          checks += 1;
          return test.serviceAccounts.verify(text);
        },
      },
      live: createLiveObjects(test.core.core),
      clock: test.clock,
      cacheSize: 1,
    });
    for (let index = 0; index < 5; index += 1) await authenticator.authenticateToken(token, [ISSUER]);
    expect(checks).toBe(1);
    // The cache is bounded: another token takes its place.
    await authenticator.authenticateToken(await test.tokenOf('builder'), [ISSUER]);
    await authenticator.authenticateToken(token, [ISSUER]);
    expect(checks).toBe(3);
  });
});

describe('a token in a Secret', () => {
  const stored = async (): Promise<string> => {
    const account = await test.core.store.get('serviceaccounts', 'default/builder');
    if (!account) throw new Error('no account');
    return test.serviceAccounts.sign(legacyClaims(account, 'builder-token'));
  };
  const holding = (token: string) =>
    aSecret('builder-token', {
      type: 'kubernetes.io/service-account-token',
      metadata: {
        name: 'builder-token',
        namespace: 'default',
        annotations: { 'kubernetes.io/service-account.name': 'builder' },
      },
      data: { token: Buffer.from(token).toString('base64') },
    });

  it('is worth something while the Secret holds it', async () => {
    const token = await stored();
    expect(await test.ask(token)).toEqual(rejected);
    await test.core.objects.create(holding(token));
    expect(await test.ask(token)).toMatchObject({
      result: 'user',
      user: { name: 'system:serviceaccount:default:builder' },
    });
    await test.core.objects.update(holding('another'));
    await test.clock.advance(0);
    expect(await test.ask(token)).toEqual(rejected);
  });

  it('goes with its account', async () => {
    const token = await stored();
    await test.core.objects.create(holding(token));
    await test.remove('ServiceAccount', 'builder');
    expect(await test.ask(token)).toEqual(rejected);
  });
});

describe('the signing of tokens', () => {
  it('knows no text that is not one of its own', async () => {
    const tokens = await createServiceAccountTokens(signingKeyOf(newSigningKeyPem()));
    const token = await tokens.sign({ iss: 'a' });
    expect(await tokens.verify(token)).toEqual({ iss: 'a' });
    for (const text of ['', 'a', 'a.b.c', '..', `${token}x`, token.slice(1), 'é.é.é', 'a'.repeat(20_000)])
      expect(await tokens.verify(text)).toBeUndefined();
  });
});
