/** PKCS#10 requests for tests, made with a library that the product's reader does not use. */
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

export interface RequestInput {
  readonly commonName: string;
  readonly organizations?: readonly string[];
  readonly names?: x509.JsonGeneralNames;
}

export function aKey(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
}

/** PEM. */
export async function aCertificateRequest(
  { commonName, organizations = [], names = [] }: RequestInput,
  keys?: webcrypto.CryptoKeyPair,
): Promise<string> {
  x509.cryptoProvider.set(webcrypto);
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: new x509.Name([
      ...organizations.map((utf8String) => ({ O: [{ utf8String }] })),
      { CN: [{ utf8String: commonName }] },
    ]),
    keys: keys ?? (await aKey()),
    signingAlgorithm: ALGORITHM,
    extensions: names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(names)],
  });
  return `${request.toString('pem')}\n`;
}
