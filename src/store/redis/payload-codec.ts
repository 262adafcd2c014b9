/**
 * Encryption at rest: payloads of the named resources are sealed with AES-256-GCM before they reach
 * Redis. The key lies in a file, never in Redis.
 *
 * A sealed payload is `enc:1:<key id>:<base64 of nonce, tag, ciphertext>`. Resource and key are
 * authenticated with it, so that no Secret passes for another. JSON never begins with "enc:".
 */
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { UserError } from '../../base/errors.ts';
import { ensurePrivateFile } from '../../base/private-file.ts';
import type { ResourceId } from '../../schemas/resource-kind.ts';

export interface PayloadCodec {
  encode(resource: ResourceId, key: string, json: string): string;
  /** Throws {@link UnknownKey} for another key, any other error after tampering. */
  decode(resource: ResourceId, key: string, payload: string): string;
}

/** The payload was sealed with a key that is not here: nothing is wrong with the data. */
export class UnknownKey extends Error {
  override readonly name = 'UnknownKey';
}

export const plainCodec: PayloadCodec = {
  encode: (_resource, _key, json) => json,
  decode(resource, key, payload) {
    if (payload.startsWith(PREFIX)) {
      throw new UnknownKey(`Cannot read ${resource} "${key}": it is encrypted, and no key file is given`);
    }
    return payload;
  },
};

const PREFIX = 'enc:1:';
const KEY_BYTES = 32;
/** The nonce size that AES-GCM is specified for (NIST SP 800-38D, 8.2.2). */
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** `resources` are sealed; everything else stays as it is. */
export function createPayloadCodec(
  secretKey: Buffer,
  resources: ReadonlySet<ResourceId> = new Set(['secrets']),
): PayloadCodec {
  if (secretKey.length !== KEY_BYTES) {
    throw new UserError(`Cannot use the encryption key: it has ${secretKey.length} bytes, not ${KEY_BYTES}`);
  }
  const keyId = createHash('sha256').update('symphony key id').update(secretKey).digest('hex').slice(0, 8);
  const contextOf = (resource: ResourceId, key: string): Buffer => Buffer.from(`${resource}\0${key}`);
  return {
    encode(resource, key, json) {
      if (!resources.has(resource)) return json;
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv('aes-256-gcm', secretKey, nonce, { authTagLength: TAG_BYTES });
      cipher.setAAD(contextOf(resource, key));
      const sealed = Buffer.concat([cipher.update(json, 'utf8'), cipher.final()]);
      return `${PREFIX}${keyId}:${Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64')}`;
    },
    decode(resource, key, payload) {
      if (!payload.startsWith(PREFIX)) {
        if (!resources.has(resource)) return payload;
        throw new Error(`Cannot read ${resource} "${key}": it is not encrypted`);
      }
      const end = payload.indexOf(':', PREFIX.length);
      const usedKeyId = payload.slice(PREFIX.length, end);
      if (usedKeyId !== keyId) {
        throw new UnknownKey(
          `Cannot read ${resource} "${key}": it is encrypted with key ${usedKeyId}, the key file holds ${keyId}`,
        );
      }
      const bytes = Buffer.from(payload.slice(end + 1), 'base64');
      const nonce = bytes.subarray(0, NONCE_BYTES);
      const decipher = createDecipheriv('aes-256-gcm', secretKey, nonce, { authTagLength: TAG_BYTES });
      decipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
      decipher.setAAD(contextOf(resource, key));
      const json = decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES));
      return Buffer.concat([json, decipher.final()]).toString('utf8');
    },
  };
}

/** Reads the key file (base64), or makes it. Processes that start together get one key. */
export async function loadOrCreateKey(path: string): Promise<Buffer> {
  const text = await ensurePrivateFile(path, () => `${randomBytes(KEY_BYTES).toString('base64')}\n`);
  const key = Buffer.from(text.trim(), 'base64');
  if (key.length === KEY_BYTES) return key;
  throw new UserError(`Cannot use the key file "${path}": it does not hold ${KEY_BYTES} bytes in base64`);
}
