/** Who is asking: an authenticator looks at what a request proves. */
import type { IncomingHttpHeaders } from 'node:http';
import type { Eventually } from '../../base/eventually.ts';
import type { UserInfo } from '../../resources/types.ts';

export type { UserInfo } from '../../resources/types.ts';

export interface Credentials {
  readonly headers: IncomingHttpHeaders;
  /** The client's certificate (DER), where the handshake proved that it has the key and that our authority signed it. */
  readonly certificate?: Buffer | undefined;
}

/** `anonymous` made no claim; `rejected` made one that is not true. */
export type Authentication =
  | { readonly result: 'user'; readonly user: UserInfo }
  | { readonly result: 'anonymous' }
  | { readonly result: 'rejected' };

/** Whom a bearer token stands for. */
export interface TokenOwner {
  readonly user: UserInfo;
  /** For whom the token is meant; absent where tokens of its sort know no audience. */
  readonly audiences?: readonly string[];
}

/** One sort of bearer tokens. */
export interface TokenAuthenticator {
  /**
   * Undefined: not a token of this sort, or one that says nothing true. Throws {@link TokenRefused} where the token is of
   * this sort and there is more to say about why it is worth nothing; that is a rejection: what is answered at once is
   * never a refusal. `audiences`: of whom one must be meant.
   */
  authenticateToken(token: string, audiences: readonly string[]): Eventually<TokenOwner | undefined>;
}

/** Why a token is worth nothing; told in a TokenReview, never to whoever presented it. */
export class TokenRefused extends Error {
  override readonly name = 'TokenRefused';
}

export interface Authenticator {
  /** Called for every request, and again and again for as long as a watch or a session lives. */
  authenticate(credentials: Credentials): Eventually<Authentication>;
}

export const anonymousUser: UserInfo = { name: 'system:anonymous', groups: ['system:unauthenticated'] };
