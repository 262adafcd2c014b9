import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ensureSigningKey, signingKeyOf } from '../../../src/api/tls/signing-key.ts';
import { generateKeyPairSync } from 'node:crypto';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'symphony-key-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

describe('the key that signs tokens', () => {
  it('is made once, for nobody else to read', async () => {
    const first = await ensureSigningKey({ directory: join(directory, 'tls') });
    const again = await ensureSigningKey({ directory: join(directory, 'tls') });
    expect(again.keyId).toBe(first.keyId);
    expect(await readdir(join(directory, 'tls'))).toEqual(['sa.key']);
    expect((await stat(join(directory, 'tls', 'sa.key'))).mode & 0o777).toBe(0o600);
  });

  it('is the same for processes that start together', async () => {
    const keys = await Promise.all(Array.from({ length: 5 }, () => ensureSigningKey({ directory })));
    expect(new Set(keys.map(({ keyId }) => keyId)).size).toBe(1);
  });

  it('must be of the curve that the signature is made with', () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-384' });
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    expect(() => signingKeyOf(pem)).toThrow('it is not of curve P-256');
  });
});
