/** Who is asking: an authenticator looks at what a request proves. */
import type { IncomingHttpHeaders } from 'node:http';
import type { UserInfo } from '../core/types.ts';

export type { UserInfo } from '../core/types.ts';

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

export interface Authenticator {
  /** Called for every request, and again and again for as long as a watch or a session lives. */
  authenticate(credentials: Credentials): Promise<Authentication>;
}

export const anonymousUser: UserInfo = { name: 'system:anonymous', groups: ['system:unauthenticated'] };
