import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { parseCertificateRequest } from '../../../src/schemas/certificates/certificate-request.ts';
import { aCertificateRequest, aKey } from '../../support/certificate-requests.ts';

describe('a certificate request', () => {
  it('says whom it is for and which names it wants', async () => {
    const pem = await aCertificateRequest({
      commonName: 'system:node:ü-1',
      organizations: ['system:nodes', 'b'],
      names: [
        { type: 'dns', value: 'n1.example' },
        { type: 'ip', value: '10.0.0.7' },
        { type: 'ip', value: 'fd00::1' },
        { type: 'email', value: 'a@b.example' },
        { type: 'url', value: 'spiffe://a/b' },
      ],
    });
    expect(parseCertificateRequest(pem)).toMatchObject({
      commonName: 'system:node:ü-1',
      organizations: ['system:nodes', 'b'],
      dnsNames: ['n1.example'],
      ipAddresses: ['10.0.0.7', 'fd00:0:0:0:0:0:0:1'],
      emailAddresses: ['a@b.example'],
      uris: ['spiffe://a/b'],
      keyType: 'ec',
    });
  });

  it('may come without any names, and with a text in front', async () => {
    const pem = await aCertificateRequest({ commonName: 'ann' });
    expect(parseCertificateRequest(`what people paste\n${pem}\n`)).toMatchObject({
      commonName: 'ann',
      organizations: [],
      dnsNames: [],
    });
  });

  it.each(['rsa:2048', 'ed25519', 'ec'])('as openssl makes it with a key of %s is read', (type) => {
    const key = type === 'ec' ? ['ec', '-pkeyopt', 'ec_paramgen_curve:secp384r1'] : [type];
    const pem = execFileSync(
      'openssl',
      ['req', '-new', '-newkey', ...key, '-nodes', '-keyout', '/dev/null', '-subj', '/O=dev/CN=ann'],
      { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
    );
    expect(parseCertificateRequest(pem)).toMatchObject({ commonName: 'ann', organizations: ['dev'] });
  });

  it('that another key has signed is refused', async () => {
    const pem = await aCertificateRequest({ commonName: 'ann' });
    const other = await aCertificateRequest({ commonName: 'bob' }, await aKey());
    const bytes = (text: string): Buffer => Buffer.from(text.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64');
    const mixed = Buffer.concat([bytes(pem).subarray(0, -40), bytes(other).subarray(-40)]);
    const armoured = `-----BEGIN CERTIFICATE REQUEST-----\n${mixed.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`;
    expect(() => parseCertificateRequest(armoured)).toThrow(/signature|asn1/);
  });

  it.each([
    ['nothing', ''],
    ['a certificate', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'],
    ['no armour', 'MIIB'],
  ])('that is %s is refused in the words of upstream', (_what, text) => {
    expect(() => parseCertificateRequest(text)).toThrow('PEM block type must be CERTIFICATE REQUEST');
  });

  it('never hangs and never answers anything but a request or an error, whatever the bytes', async () => {
    const pem = await aCertificateRequest({ commonName: 'ann', names: [{ type: 'dns', value: 'a.b' }] });
    const good = Buffer.from(pem.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64');
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 }),
        fc.nat(good.length),
        (changes, length) => {
          const bytes = Buffer.from(good.subarray(0, length));
          for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
          const text = `-----BEGIN CERTIFICATE REQUEST-----\n${bytes.toString('base64')}\n-----END CERTIFICATE REQUEST-----`;
          try {
            parseCertificateRequest(text);
            // Only the very same bytes carry a signature that verifies.
            expect(bytes.equals(good)).toBe(true);
          } catch (error) {
            expect(error).toBeInstanceOf(Error);
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});
