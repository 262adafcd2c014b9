/** Who is asking: an authenticator looks at a request's headers (later also at its certificate). */
import type { IncomingHttpHeaders } from 'node:http';
import type { UserInfo } from '../core/types.ts';

export type { UserInfo } from '../core/types.ts';

/** `anonymous` made no claim; `rejected` made one that is not true. */
export type Authentication =
  | { readonly result: 'user'; readonly user: UserInfo }
  | { readonly result: 'anonymous' }
  | { readonly result: 'rejected' };

export interface Authenticator {
  authenticate(headers: IncomingHttpHeaders): Authentication;
}

export const anonymousUser: UserInfo = { name: 'system:anonymous', groups: ['system:unauthenticated'] };
