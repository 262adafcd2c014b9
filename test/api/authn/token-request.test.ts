import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ISSUER } from '../../../src/api/authn/service-account-claims.ts';
import { StatusError } from '../../../src/schemas/errors/status.ts';
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

async function refusal(
  body: Record<string, unknown>,
  name = 'builder',
  user?: { name: string; groups: string[] },
) {
  try {
    await test.requestToken(name, body, user);
  } catch (error) {
    if (error instanceof StatusError) return [error.code, error.status.message];
    throw error;
  }
  throw new Error('it was not refused');
}

const podRef = (name: string, uid?: string) => ({
  spec: { boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name, ...(uid ? { uid } : {}) } },
});

describe('a request for a token', () => {
  it('is answered with the token and what became of its wishes', async () => {
    expect(await test.requestToken('builder')).toEqual({
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      metadata: {
        name: 'builder',
        namespace: 'default',
        uid: expect.stringMatching(/^[0-9a-f-]{36}$/) as unknown,
        creationTimestamp: '2026-01-01T00:00:00Z',
      },
      spec: { audiences: [ISSUER], expirationSeconds: 3_600, boundObjectRef: null },
      status: { token: expect.stringMatching(/^ey/), expirationTimestamp: '2026-01-01T01:00:00Z' },
    });
  });

  it('is refused in the words of upstream', async () => {
    expect(await refusal({}, 'ghost')).toEqual([404, 'serviceaccounts "ghost" not found']);
    expect(await refusal({ spec: { expirationSeconds: 599 } })).toEqual([
      422,
      'TokenRequest.authentication.k8s.io "" is invalid: spec.expirationSeconds: Invalid value: 599: may not specify a duration less than 10 minutes',
    ]);
    expect(await refusal({ spec: { expirationSeconds: 2 ** 32 + 1 } })).toEqual([
      422,
      'TokenRequest.authentication.k8s.io "" is invalid: spec.expirationSeconds: Invalid value: 4294967297: may not specify a duration larger than 2^32 seconds',
    ]);
    expect(await refusal({ metadata: { name: 'other' } })).toEqual([
      422,
      'TokenRequest.authentication.k8s.io "builder" is invalid: metadata.name: Invalid value: "other": must match the service account name if specified',
    ]);
    expect(await refusal({ metadata: { namespace: 'other' } })).toEqual([
      422,
      'TokenRequest.authentication.k8s.io "builder" is invalid: metadata.namespace: Invalid value: "other": must match the service account namespace if specified',
    ]);
    expect(
      await refusal({ spec: { boundObjectRef: { kind: 'ConfigMap', apiVersion: 'v1', name: 'a' } } }),
    ).toEqual([400, 'cannot bind token to object of type /v1, Kind=ConfigMap']);
    expect(
      await refusal({ spec: { boundObjectRef: { kind: 'Deployment', apiVersion: 'apps/v1', name: 'a' } } }),
    ).toEqual([400, 'cannot bind token to object of type apps/v1, Kind=Deployment']);
    expect(await refusal(podRef('nobody'))).toEqual([404, 'pods "nobody" not found']);
    await test.core.objects.create(anAccount('other'));
    await test.core.objects.create(anAccountsPod('theirs', 'other'));
    expect(await refusal(podRef('theirs'))).toEqual([
      400,
      'cannot bind token for serviceaccount "builder" to pod running with different serviceaccount name.',
    ]);
  });

  it('conflicts with an account or an object of another uid', async () => {
    await test.core.objects.create(anAccountsPod('web', 'builder'));
    await test.core.objects.create(aSecret('s'));
    expect(await refusal({ metadata: { uid: 'u' } })).toEqual([
      409,
      expect.stringContaining(
        'Operation cannot be fulfilled on serviceaccounts "builder": Precondition failed: UID',
      ),
    ]);
    expect(await refusal({ metadata: { resourceVersion: '1' } })).toEqual([
      409,
      expect.stringContaining('Precondition failed: ResourceVersion in precondition: 1'),
    ]);
    expect(await refusal(podRef('web', 'u'))).toEqual([
      409,
      'Operation cannot be fulfilled on Pod "web": the UID in the bound object reference (u) does not match the UID in record. The object might have been deleted and then recreated',
    ]);
    const secret = { spec: { boundObjectRef: { kind: 'Secret', apiVersion: 'v1', name: 's', uid: 'u' } } };
    expect((await refusal(secret))[0]).toBe(409);
  });

  it('for more than a year is shortened, with a warning', async () => {
    const made = await test.requestToken('builder', { spec: { expirationSeconds: 40_000_000 } });
    expect(made['spec']).toMatchObject({ expirationSeconds: 31_536_000 });
    expect(test.core.context.warnings).toEqual([
      'requested expiration of 40000000 seconds shortened to 31536000 seconds',
    ]);
  });

  it('by an agent is for its own pods only, bound to them, and for the audiences that they name', async () => {
    const sources = [
      { serviceAccountToken: { path: 'token' } },
      { serviceAccountToken: { path: 'v', audience: 'vault' } },
    ];
    const volumes = [{ name: 't', projected: { sources } }];
    const own = await test.core.objects.create(anAccountsPod('own', 'builder', { nodeName: 'n1', volumes }));
    const other = await test.core.objects.create(
      anAccountsPod('other', 'builder', { nodeName: 'n2', volumes }),
    );
    const node = { name: 'system:node:n1', groups: ['system:nodes', 'system:authenticated'] };
    const forbidden = (why: string) => [403, `serviceaccounts "builder" is forbidden: ${why}`];
    expect(await refusal({}, 'builder', node)).toEqual(forbidden('node requested token not bound to a pod'));
    expect(await refusal(podRef('own'), 'builder', node)).toEqual(
      forbidden('node requested token with a pod binding without a uid'),
    );
    expect(await refusal(podRef('other', other.metadata.uid), 'builder', node)).toEqual(
      forbidden('node requested token bound to a pod scheduled on a different node'),
    );
    const asked = podRef('own', own.metadata.uid);
    const foreign = { spec: { ...asked.spec, audiences: ['bank'] } };
    expect(await refusal(foreign, 'builder', node)).toEqual(
      forbidden('audience "bank" not found in pod spec volume'),
    );
    const vault = { spec: { ...asked.spec, audiences: ['vault'] } };
    expect((await test.requestToken('builder', vault, node))['spec']).toMatchObject({ audiences: ['vault'] });
    expect((await test.requestToken('builder', asked, node))['spec']).toMatchObject({ audiences: [ISSUER] });
  });
});
