import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createBootstrapToken } from '../../../src/api/authn/bootstrap-tokens.ts';
import type { Secret } from '../../../src/schemas/types.ts';
import { startTestAuthentication, type TestAuthentication } from './test-authentication.ts';

let test: TestAuthentication;
beforeEach(async () => {
  test = await startTestAuthentication();
});
afterEach(() => test[Symbol.asyncDispose]());

const HOUR_MS = 3_600_000;
const rejected = { result: 'rejected' };
const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** The verdict on a token whose Secret was changed by hand. */
async function verdictOn(change: (secret: Secret) => Secret) {
  const { id, secret, secretObject } = createBootstrapToken();
  await test.core.objects.create(change(secretObject));
  return test.ask(`${id}.${secret}`);
}

describe('a bootstrap token', () => {
  it('has the form that upstream gives it, and is never the same', () => {
    const tokens = Array.from({ length: 50 }, () => createBootstrapToken());
    for (const { id, secret, secretObject } of tokens) {
      expect(`${id}.${secret}`).toMatch(/^[a-z0-9]{6}\.[a-z0-9]{16}$/);
      expect(secretObject.metadata).toEqual({ name: `bootstrap-token-${id}`, namespace: 'kube-system' });
      expect(secretObject.type).toBe('bootstrap.kubernetes.io/token');
    }
    expect(new Set(tokens.map(({ secret }) => secret)).size).toBe(50);
  });

  it('stands for a bootstrapper, with the groups that it names', async () => {
    const token = createBootstrapToken({ groups: ['system:bootstrappers:agents'], description: 'for n1' });
    await test.core.objects.create(token.secretObject);
    expect(await test.ask(`${token.id}.${token.secret}`)).toEqual({
      result: 'user',
      user: {
        name: `system:bootstrap:${token.id}`,
        groups: ['system:bootstrappers', 'system:bootstrappers:agents', 'system:authenticated'],
      },
    });
    expect(await test.ask(`${token.id}.aaaaaaaaaaaaaaaa`)).toEqual(rejected);
    await test.remove('Secret', token.secretObject.metadata.name, 'kube-system');
    expect(await test.ask(`${token.id}.${token.secret}`)).toEqual(rejected);
  });

  it('ends with its time', async () => {
    const expiresAtMs = test.clock.now() + HOUR_MS;
    const { id, secret, secretObject } = createBootstrapToken({ expiresAtMs });
    await test.core.objects.create(secretObject);
    expect((await test.ask(`${id}.${secret}`)).result).toBe('user');
    await test.clock.advance(HOUR_MS);
    expect(await test.ask(`${id}.${secret}`)).toEqual(rejected);
  });

  it.each([
    ['is of another type', (secret: Secret) => ({ ...secret, type: 'Opaque' })],
    [
      'may not authenticate',
      ({ data, ...rest }: Secret) => ({
        ...rest,
        data: { ...data, 'usage-bootstrap-authentication': base64('false') },
      }),
    ],
    [
      'has an expiration that is no time',
      ({ data, ...rest }: Secret) => ({ ...rest, data: { ...data, expiration: base64('tomorrow') } }),
    ],
    [
      'says another id than its name',
      ({ data, ...rest }: Secret) => ({ ...rest, data: { ...data, 'token-id': base64('abcdef') } }),
    ],
    [
      'claims a group that is not a bootstrapper’s',
      ({ data, ...rest }: Secret) => ({
        ...rest,
        data: { ...data, 'auth-extra-groups': base64('system:masters') },
      }),
    ],
  ])('is worth nothing when its Secret %s', async (_what, change) => {
    expect(await verdictOn(change)).toEqual(rejected);
  });
});
