/**
 * A certificate and its key as two private files, `NAME.crt` and `NAME.key`, and the algorithm that all our keys have. A
 * pair that is half there counts as missing.
 */
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as x509 from '@peculiar/x509';
import { writePrivateFile } from '../../base/private-file.ts';

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

export async function saveKeyed(directory: string, name: string, pair: KeyedCertificate): Promise<void> {
  // The key first: a certificate without its key would look complete.
  await writePrivateFile(join(directory, `${name}.key`), pair.keyPem);
  await writePrivateFile(join(directory, `${name}.crt`), pair.certPem);
}

export async function loadKeyed(directory: string, name: string): Promise<KeyedCertificate | undefined> {
  const certPem = await readIfThere(join(directory, `${name}.crt`));
  const keyPem = await readIfThere(join(directory, `${name}.key`));
  if (certPem === undefined || keyPem === undefined) return undefined;
  const pkcs8 = x509.PemConverter.decode(keyPem)[0];
  if (!pkcs8) throw new Error(`Cannot use "${join(directory, `${name}.key`)}": it holds no key`);
  const key = await webcrypto.subtle.importKey('pkcs8', pkcs8, ALGORITHM, true, ['sign']);
  return { certificate: new x509.X509Certificate(certPem), key, certPem, keyPem };
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
