/**
 * A certificate and its key as two private files, `NAME.crt` and `NAME.key`. The key is made first,
 * and each file only where there is none. So processes that start together, or after one was killed
 * between the two, end with one pair.
 */
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import { join } from 'node:path';
import * as x509 from '@peculiar/x509';
import { UserError } from '../../base/errors.ts';
import { ensurePrivateFile, readIfThere } from '../../base/private-file.ts';

x509.cryptoProvider.set(webcrypto);

export const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

export interface KeyedCertificate {
  readonly certificate: x509.X509Certificate;
  readonly key: webcrypto.CryptoKey;
  readonly certPem: string;
  readonly keyPem: string;
}

export function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
}

export async function privateKeyPem(key: webcrypto.CryptoKey): Promise<string> {
  return `${x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY')}\n`;
}

export async function keyed(
  certificate: x509.X509Certificate,
  key: webcrypto.CryptoKey,
): Promise<KeyedCertificate> {
  return { certificate, key, certPem: pemOf(certificate), keyPem: await privateKeyPem(key) };
}

export const pemOf = (certificate: x509.X509Certificate): string => `${certificate.toString('pem')}\n`;

/**
 * Reads the pair, or makes it. Throws UserError where the certificate exists without its key: a new
 * pair would lock out everybody who trusts the old one.
 */
export async function ensureKeyed(
  directory: string,
  name: string,
  certify: (keys: webcrypto.CryptoKeyPair) => Promise<x509.X509Certificate>,
): Promise<KeyedCertificate> {
  const [certPath, keyPath] = [join(directory, `${name}.crt`), join(directory, `${name}.key`)];
  if ((await readIfThere(keyPath)) === undefined && (await readIfThere(certPath)) !== undefined) {
    throw new UserError(
      `Cannot use "${certPath}": its key "${keyPath}" is missing; bring it back, or remove both`,
    );
  }
  const keyPem = await ensurePrivateFile(keyPath, async () =>
    privateKeyPem((await generateKeys()).privateKey),
  );
  const keys = await keysOf(keyPem, keyPath);
  const certPem = await ensurePrivateFile(certPath, async () => pemOf(await certify(keys)));
  return { certificate: new x509.X509Certificate(certPem), key: keys.privateKey, certPem, keyPem };
}

async function keysOf(keyPem: string, path: string): Promise<webcrypto.CryptoKeyPair> {
  const pkcs8 = x509.PemConverter.decode(keyPem)[0];
  if (!pkcs8) throw new UserError(`Cannot use "${path}": it holds no key`);
  const { subtle } = webcrypto;
  const privateKey = await subtle.importKey('pkcs8', pkcs8, ALGORITHM, true, ['sign']);
  const { kty, crv, x, y } = await subtle.exportKey('jwk', privateKey);
  const publicKey = await subtle.importKey(
    'jwk',
    { kty, crv, x, y } as webcrypto.JsonWebKey,
    ALGORITHM,
    true,
    ['verify'],
  );
  return { privateKey, publicKey };
}
