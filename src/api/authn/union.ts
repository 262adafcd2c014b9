/**
 * All the ways to prove who one is, as one. Certificates are asked first, then bearer tokens by their sort; whoever says
 * "not mine" passes the question on. A claim that nobody vouches for is refused, however harmless the request: only who
 * claims nothing is anonymous.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { type Authenticator, type TokenAuthenticator, type TokenOwner, TokenRefused } from './types.ts';

export interface UnionOptions {
  /** For what a handshake proves. */
  readonly certificates?: Authenticator | undefined;
  readonly tokens: TokenReviewer;
  /** Who this server is: tokens must be meant for one of these. */
  readonly audiences: readonly string[];
}

export type TokenVerdict =
  | { readonly valid: true; readonly owner: TokenOwner }
  /** `why` where a token of ours is worth nothing any more. */
  | { readonly valid: false; readonly why: string | undefined };

export interface TokenReviewer {
  review(token: string, audiences: readonly string[]): Promise<TokenVerdict>;
}

/** In the given order; the first to vouch for a token wins. `own`: this server's, of tokens that know no audience. */
export function createTokenReviewer(
  sorts: readonly TokenAuthenticator[],
  own: readonly string[],
): TokenReviewer {
  return {
    async review(token, audiences) {
      let why: string | undefined;
      for (const sort of sorts) {
        try {
          const owner = await sort.authenticateToken(token, audiences);
          if (!owner) continue;
          const meant = owner.audiences ?? own.filter((audience) => audiences.includes(audience));
          if (meant.length > 0) return { valid: true, owner: { ...owner, audiences: meant } };
        } catch (error) {
          if (!(error instanceof TokenRefused)) throw error;
          why ??= error.message;
        }
      }
      return { valid: false, why };
    },
  };
}

export function createUnionAuthenticator({ certificates, tokens, audiences }: UnionOptions): Authenticator {
  return {
    async authenticate(credentials) {
      const byCertificate = await certificates?.authenticate(credentials);
      if (byCertificate?.result === 'user') return byCertificate;
      const claim = bearerOf(credentials.headers);
      if (claim === undefined) return byCertificate ?? { result: 'anonymous' };
      const verdict = claim === '' ? undefined : await tokens.review(claim, audiences);
      return verdict?.valid ? { result: 'user', user: verdict.owner.user } : { result: 'rejected' };
    },
  };
}

/** How a browser sends a token with a WebSocket, which cannot carry an Authorization header. */
const PROTOCOL_PREFIX = 'base64url.bearer.authorization.k8s.io.';

/** The bearer token; '' for a claim of another form, undefined for none. */
function bearerOf(headers: IncomingHttpHeaders): string | undefined {
  const { authorization } = headers;
  if (authorization !== undefined && authorization !== '')
    return /^Bearer +(\S+)$/i.exec(authorization)?.[1] ?? '';
  const protocols = (headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
  const carrier = protocols.find((name) => name.startsWith(PROTOCOL_PREFIX));
  return carrier === undefined
    ? undefined
    : Buffer.from(carrier.slice(PROTOCOL_PREFIX.length), 'base64url').toString('utf8');
}
