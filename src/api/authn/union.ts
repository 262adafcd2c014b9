/**
 * All ways to authenticate, as one: certificates first, then bearer tokens by their sort. A claim
 * that nothing confirms is refused. Only a client without any claim is anonymous.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { andThen, type Eventually } from '../../base/eventually.ts';
import {
  type Authentication,
  type Authenticator,
  type Credentials,
  type TokenAuthenticator,
  type TokenOwner,
  TokenRefused,
} from './types.ts';

export interface UnionOptions {
  /** For the certificate of the handshake. */
  readonly certificates?: Authenticator | undefined;
  readonly tokens: TokenReviewer;
  /** The audiences of this server: tokens must be meant for one of them. */
  readonly audiences: readonly string[];
}

export type TokenVerdict =
  | { readonly valid: true; readonly owner: TokenOwner }
  /** `why` is set where a token of ours is no longer valid. */
  | { readonly valid: false; readonly why: string | undefined };

export interface TokenReviewer {
  review(token: string, audiences: readonly string[]): Eventually<TokenVerdict>;
}

/** The first that confirms the token wins. `own` are audiences for tokens that have none. */
export function createTokenReviewer(
  sorts: readonly TokenAuthenticator[],
  own: readonly string[],
): TokenReviewer {
  function verdictOf(owner: TokenOwner, audiences: readonly string[]): TokenVerdict | undefined {
    const meant = owner.audiences ?? own.filter((audience) => audiences.includes(audience));
    return meant.length > 0 ? { valid: true, owner: { ...owner, audiences: meant } } : undefined;
  }

  /** `first` is the answer of the sort at `from`, which may be pending. */
  async function reviewOn(
    from: number,
    first: Promise<TokenOwner | undefined>,
    token: string,
    audiences: readonly string[],
  ): Promise<TokenVerdict> {
    let why: string | undefined;
    for (const [index, sort] of sorts.entries()) {
      if (index < from) continue;
      try {
        const owner = await (index === from ? first : sort.authenticateToken(token, audiences));
        const verdict = owner && verdictOf(owner, audiences);
        if (verdict) return verdict;
      } catch (error) {
        if (!(error instanceof TokenRefused)) throw error;
        why ??= error.message;
      }
    }
    return { valid: false, why };
  }

  return {
    review(token, audiences) {
      for (const [index, sort] of sorts.entries()) {
        const owner = sort.authenticateToken(token, audiences);
        if (owner instanceof Promise) return reviewOn(index, owner, token, audiences);
        const verdict = owner && verdictOf(owner, audiences);
        if (verdict) return verdict;
      }
      return { valid: false, why: undefined };
    },
  };
}

export function createUnionAuthenticator({ certificates, tokens, audiences }: UnionOptions): Authenticator {
  function byToken(
    { headers }: Credentials,
    otherwise: Authentication | undefined,
  ): Eventually<Authentication> {
    const claim = bearerOf(headers);
    if (claim === undefined) return otherwise ?? { result: 'anonymous' };
    if (claim === '') return { result: 'rejected' };
    return andThen(tokens.review(claim, audiences), (verdict) =>
      verdict.valid ? { result: 'user', user: verdict.owner.user } : { result: 'rejected' },
    );
  }

  return {
    authenticate: (credentials) =>
      andThen(certificates?.authenticate(credentials), (certified) =>
        certified?.result === 'user' ? certified : byToken(credentials, certified),
      ),
  };
}

/** How a browser sends a token with a WebSocket, which cannot carry an Authorization header. */
const PROTOCOL_PREFIX = 'base64url.bearer.authorization.k8s.io.';

/** The bearer token, if any. Other forms of the header are ignored, as upstream does. */
function bearerOf(headers: IncomingHttpHeaders): string | undefined {
  const [scheme = '', token = ''] = (headers.authorization ?? '').trim().split(' ');
  if (scheme.toLowerCase() === 'bearer' && token !== '') return token;
  const protocols = (headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
  const carrier = protocols.find((name) => name.startsWith(PROTOCOL_PREFIX));
  return carrier === undefined
    ? undefined
    : Buffer.from(carrier.slice(PROTOCOL_PREFIX.length), 'base64url').toString('utf8');
}
