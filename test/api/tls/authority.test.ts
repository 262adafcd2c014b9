import { X509Certificate } from 'node:crypto';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Authority, issueIdentity, openAuthority } from '../../../src/api/tls/authority.ts';
import { ensureServerTls } from '../../../src/api/tls/server-tls.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

const DAY_MS = 86_400_000;

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'symphony-tls-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

describe('the certificate authority', () => {
  it('is made once, and its key is private', async () => {
    const clock = createFakeClock();
    const first = await openAuthority({ directory, clock });
    const again = await openAuthority({ directory, clock });
    expect(again.caPem).toBe(first.caPem);
    expect((await stat(join(directory, 'ca.key'))).mode & 0o777).toBe(0o600);
    expect(new X509Certificate(first.caPem).ca).toBe(true);
  });

  it('is the same for processes that start together', async () => {
    const clock = createFakeClock();
    const all = await Promise.all(Array.from({ length: 5 }, () => openAuthority({ directory, clock })));
    expect(new Set(all.map(({ caPem }) => caPem)).size).toBe(1);
    const { certPem } = await issueIdentity(all[4] as Authority, {
      commonName: 'a',
      purposes: ['client auth'],
      lifetimeMs: DAY_MS,
    });
    expect(new X509Certificate(certPem).verify(new X509Certificate(all[0]?.caPem ?? '').publicKey)).toBe(
      true,
    );
    expect((await readdir(directory)).sort()).toEqual(['ca.crt', 'ca.key']);
  });

  it('is finished where whoever made it was killed in between, and not replaced where its key is lost', async () => {
    const clock = createFakeClock();
    const { caPem } = await openAuthority({ directory, clock });
    await rm(join(directory, 'ca.crt'));
    const again = await openAuthority({ directory, clock });
    const key = (pem: string): string =>
      new X509Certificate(pem).publicKey.export({ type: 'spki', format: 'pem' }).toString();
    expect(key(again.caPem)).toBe(key(caPem));
    await rm(join(directory, 'ca.key'));
    await expect(openAuthority({ directory, clock })).rejects.toThrow('its key');
  });

  it('issues what was asked for, under its own name', async () => {
    const clock = createFakeClock();
    const authority = await openAuthority({ directory, clock });
    const { certPem } = await issueIdentity(authority, {
      commonName: 'system:node:n1',
      organizations: ['system:nodes', '#b,=+"\\c'],
      purposes: ['client auth'],
      dnsNames: ['n1.example'],
      ipAddresses: ['10.1.2.3', 'fd00::1'],
      lifetimeMs: DAY_MS,
    });
    const certificate = new X509Certificate(certPem);
    const issuer = new X509Certificate(authority.caPem);
    expect(certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)).toBe(true);
    expect(certificate.toLegacyObject().subject).toMatchObject({
      CN: 'system:node:n1',
      O: ['system:nodes', '#b,=+"\\c'],
    });
    expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2']);
    expect(certificate.subjectAltName).toContain('n1.example');
    expect(certificate.checkIP('fd00::1')).toBe('fd00::1');
    expect(Date.parse(certificate.validTo)).toBe(Math.floor((clock.now() + DAY_MS) / 1_000) * 1_000);
  });

  it('issues nothing that outlives it', async () => {
    const clock = createFakeClock();
    const authority = await openAuthority({ directory, clock });
    await clock.advance(3_649 * DAY_MS);
    const { certPem } = await issueIdentity(authority, {
      commonName: 'ann',
      purposes: ['client auth'],
      lifetimeMs: 365 * DAY_MS,
    });
    expect(new X509Certificate(certPem).validTo).toBe(new X509Certificate(authority.caPem).validTo);
  });
});

describe("the server's certificate", () => {
  it('is kept while it is good, and made anew for another name, near its end, and for another authority', async () => {
    const clock = createFakeClock();
    const authority = await openAuthority({ directory, clock });
    const server = (hosts: readonly string[]) => ensureServerTls({ authority, directory, hosts, clock });
    const first = await server(['192.0.2.7', 'api.example']);
    expect(await server(['api.example'])).toEqual(first);
    const renamed = await server(['other.example']);
    expect(renamed.certPem).not.toBe(first.certPem);
    await clock.advance(320 * DAY_MS);
    const renewed = await server(['other.example']);
    expect(renewed.certPem).not.toBe(renamed.certPem);
    const elsewhere = await openAuthority({ directory: join(directory, 'other'), clock });
    const moved = await ensureServerTls({ authority: elsewhere, directory, hosts: [], clock });
    expect(moved.certPem).not.toBe(renewed.certPem);
    expect(moved.caPem).toBe(elsewhere.caPem);
  });
});
