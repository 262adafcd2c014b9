/**
 * The key that signs service account tokens: ES256, made once, shared by all API servers (0600).
 */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto';
import { join } from 'node:path';
import { ensurePrivateFile } from '../../base/private-file.ts';

export const SIGNING_ALGORITHM = 'ES256';
const CURVE = 'P-256';
const FILE = 'sa.key';

export interface SigningKey {
  /** base64url of the SHA-256 of the public key's DER form, as upstream names its keys. */
  readonly keyId: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

export function signingKeyOf(pem: string): SigningKey {
  const privateKey = createPrivateKey(pem);
  const curve = privateKey.asymmetricKeyDetails?.namedCurve;
  if (privateKey.asymmetricKeyType !== 'ec' || curve !== 'prime256v1')
    throw new Error(`Cannot sign tokens with this key: it is not of curve ${CURVE}`);
  const publicKey = createPublicKey(privateKey);
  const der = publicKey.export({ type: 'spki', format: 'der' });
  return { keyId: createHash('sha256').update(der).digest('base64url'), privateKey, publicKey };
}

export function newSigningKeyPem(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: CURVE });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** Reads the key, or makes it. Processes that do so at the same time end with the same key. */
export async function ensureSigningKey({ directory }: { readonly directory: string }): Promise<SigningKey> {
  return signingKeyOf(await ensurePrivateFile(join(directory, FILE), newSigningKeyPem));
}
