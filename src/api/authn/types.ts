/** An authenticator finds out who makes a request. */
import type { IncomingHttpHeaders } from 'node:http';
import type { Eventually } from '../../base/eventually.ts';
import type { UserInfo } from '../../resources/types.ts';

export type { UserInfo } from '../../resources/types.ts';

export interface Credentials {
  readonly headers: IncomingHttpHeaders;
  /** The client's certificate (DER), when the handshake proved it and our authority signed it. */
  readonly certificate?: Buffer | undefined;
}

/** `anonymous` made no claim; `rejected` made one that is not true. */
export type Authentication =
  | { readonly result: 'user'; readonly user: UserInfo }
  | { readonly result: 'anonymous' }
  | { readonly result: 'rejected' };

/** The owner of a bearer token. */
export interface TokenOwner {
  readonly user: UserInfo;
  /** The token's audiences; absent where tokens of its sort have none. */
  readonly audiences?: readonly string[];
}

/** One sort of bearer tokens. */
export interface TokenAuthenticator {
  /**
   * Undefined for a token of another sort, and for an invalid one. Throws {@link TokenRefused} for
   * a token of this sort that is no longer valid, with the reason; an answer that is given at once
   * is never a refusal. One of `audiences` must be among the token's.
   */
  authenticateToken(token: string, audiences: readonly string[]): Eventually<TokenOwner | undefined>;
}

/** Why a token is not valid. A TokenReview shows it; the token's client never sees it. */
export class TokenRefused extends Error {
  override readonly name = 'TokenRefused';
}

export interface Authenticator {
  /** Called for every request, and repeatedly while a watch or a session lives. */
  authenticate(credentials: Credentials): Eventually<Authentication>;
}

export const anonymousUser: UserInfo = { name: 'system:anonymous', groups: ['system:unauthenticated'] };
