/**
 * Signs service account tokens and checks their signature, not their content. The public key is
 * published, so that others can check tokens that are meant for them (OpenID Connect discovery).
 */
import { SignJWT, compactVerify, errors, exportJWK } from 'jose';
import { isRecord } from '../../base/json.ts';
import { SIGNING_ALGORITHM, type SigningKey } from '../tls/signing-key.ts';
import { type Claims, ISSUER } from './service-account-claims.ts';

export interface TokenSigner {
  sign(claims: Claims): Promise<string>;
}

export interface TokenVerifier {
  /** The claims of a token with our signature, else undefined. Times are not checked. */
  verify(token: string): Promise<Claims | undefined>;
}

/** The documents with which others check tokens themselves. */
export interface IssuerDocuments {
  /** JSON. */
  readonly keySet: string;
  /** JSON; `server` is where clients reach the key set: `https://host:port`. */
  configuration(server: string): string;
}

export interface ServiceAccountTokens extends TokenSigner, TokenVerifier {
  readonly documents: IssuerDocuments;
}

/** Longer texts are no tokens of ours. */
const MAX_TOKEN_LENGTH = 16_384;
const SHAPE = /^[\w-]+\.[\w-]+\.[\w-]+$/;

export async function createServiceAccountTokens(key: SigningKey): Promise<ServiceAccountTokens> {
  const { keyId, privateKey, publicKey } = key;
  const jwk = { use: 'sig', kid: keyId, alg: SIGNING_ALGORITHM, ...(await exportJWK(publicKey)) };
  const keySet = JSON.stringify({ keys: [jwk] });
  return {
    sign: (claims) =>
      new SignJWT(claims).setProtectedHeader({ alg: SIGNING_ALGORITHM, kid: keyId }).sign(privateKey),
    async verify(token) {
      if (token.length > MAX_TOKEN_LENGTH || !SHAPE.test(token)) return undefined;
      if (headerOf(token)?.['kid'] !== keyId) return undefined;
      try {
        const { payload } = await compactVerify(token, publicKey, { algorithms: [SIGNING_ALGORITHM] });
        return parseObject(Buffer.from(payload).toString('utf8'));
      } catch (error) {
        if (error instanceof errors.JOSEError) return undefined;
        throw error;
      }
    },
    documents: {
      keySet,
      configuration: (server) =>
        JSON.stringify({
          issuer: ISSUER,
          jwks_uri: `${server}/openid/v1/jwks`,
          response_types_supported: ['id_token'],
          subject_types_supported: ['public'],
          id_token_signing_alg_values_supported: [SIGNING_ALGORITHM],
        }),
    },
  };
}

/** Another issuer's token is recognised by its key, before any arithmetic. */
function headerOf(token: string): Record<string, unknown> | undefined {
  return parseObject(Buffer.from(token.slice(0, token.indexOf('.')), 'base64url').toString('utf8'));
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
