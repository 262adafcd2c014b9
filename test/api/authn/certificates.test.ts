import { X509Certificate } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createCertificateAuthenticator } from '../../../src/api/authn/certificates.ts';
import type { Authentication } from '../../../src/api/authn/types.ts';
import {
  type Authority,
  type IssueRequest,
  issueIdentity,
  openAuthority,
} from '../../../src/api/tls/authority.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

const clock = createFakeClock();
let directory: string;
let ours: Authority;
let theirs: Authority;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'symphony-certs-'));
  ours = await openAuthority({ directory: join(directory, 'ours'), clock });
  theirs = await openAuthority({ directory: join(directory, 'theirs'), clock });
});
afterAll(() => rm(directory, { recursive: true, force: true }));

async function certificate(
  authority: Authority,
  request: Partial<Omit<IssueRequest, 'publicKey'>>,
): Promise<Buffer> {
  const { certPem } = await issueIdentity(authority, {
    commonName: 'ann',
    purposes: ['client auth'],
    lifetimeMs: 3_600_000,
    ...request,
  });
  return new X509Certificate(certPem).raw;
}

async function ask(der: Buffer | undefined, now = clock.now()): Promise<Authentication> {
  const authenticator = createCertificateAuthenticator({ caPem: ours.caPem, clock: { now: () => now } });
  return authenticator.authenticate({ headers: {}, certificate: der });
}

describe('a client certificate', () => {
  it('names its user, its groups and itself', async () => {
    const der = await certificate(ours, { organizations: ['dev', 'ops'] });
    expect(await ask(der)).toEqual({
      result: 'user',
      user: {
        name: 'ann',
        groups: ['dev', 'ops', 'system:authenticated'],
        extra: {
          'authentication.kubernetes.io/credential-id': [expect.stringMatching(/^X509SHA256=[0-9a-f]{64}$/)],
        },
      },
    });
  });

  it('is no claim when there is none', async () => {
    expect(await ask(undefined)).toEqual({ result: 'anonymous' });
  });

  it('counts only while it is valid, also where it was seen before', async () => {
    const der = await certificate(ours, {});
    let now = clock.now();
    const authenticator = createCertificateAuthenticator({ caPem: ours.caPem, clock: { now: () => now } });
    const asked = () => authenticator.authenticate({ headers: {}, certificate: der });
    expect((await asked()).result).toBe('user');
    now += 3_601_000;
    expect((await asked()).result).toBe('rejected');
    expect((await ask(der, clock.now() - 600_000)).result).toBe('rejected');
  });

  it.each([
    ['of another authority with the same name', () => certificate(theirs, {})],
    ['of a server', () => certificate(ours, { purposes: ['server auth'] })],
    ['without a name', () => certificate(ours, { commonName: '' })],
    ['that is no certificate', () => Promise.resolve(Buffer.from('nonsense'))],
  ])('%s is rejected', async (_what, make) => {
    expect(await ask(await make())).toEqual({ result: 'rejected' });
  });

  it('is remembered, but not without limit', async () => {
    const authenticator = createCertificateAuthenticator({ caPem: ours.caPem, clock });
    for (let index = 0; index < 5_000; index += 1) {
      const answer = await authenticator.authenticate({ headers: {}, certificate: Buffer.from(`${index}`) });
      expect(answer.result).toBe('rejected');
    }
    const der = await certificate(ours, {});
    expect((await authenticator.authenticate({ headers: {}, certificate: der })).result).toBe('user');
  });
});
