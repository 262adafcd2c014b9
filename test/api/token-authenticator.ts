/** Nothing but the table of tokens: for a server without accounts. */
import { createTableAuthenticator, type TokenTable } from '../../src/api/authn/token-table.ts';
import type { Authenticator } from '../../src/api/authn/types.ts';
import { createTokenReviewer, createUnionAuthenticator } from '../../src/api/authn/union.ts';

export function createTokenAuthenticator(table: Pick<TokenTable, 'find'>): Authenticator {
  const audiences = ['api'];
  const tokens = createTokenReviewer([createTableAuthenticator(table)], audiences);
  return createUnionAuthenticator({ tokens, audiences });
}
