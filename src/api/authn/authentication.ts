/** Composes the authenticator, the resources about users, and the tokens of service accounts. */
import type { Rng } from '../../base/rng.ts';
import type { ResourceCore } from '../../resources/resource-core.ts';
import type { ObjectAction } from '../../resources/subresources/types.ts';
import { createTokenRequestAction } from './token-request.ts';
import { createSelfSubjectReview } from '../virtual/self-subject-review.ts';
import { createTokenReview } from '../virtual/token-review.ts';
import type { VirtualResource } from '../virtual/types.ts';
import { createBootstrapTokenAuthenticator } from './bootstrap-tokens.ts';
import { createLiveObjects } from './live-objects.ts';
import { createServiceAccountAuthenticator } from './service-account-authenticator.ts';
import { ISSUER } from './service-account-claims.ts';
import type { ServiceAccountTokens } from './service-account-tokens.ts';
import { createTableAuthenticator, type TokenTable } from './token-table.ts';
import type { Authenticator } from './types.ts';
import { createTokenReviewer, createUnionAuthenticator } from './union.ts';

export interface AuthenticationOptions {
  readonly core: ResourceCore;
  readonly table: Pick<TokenTable, 'find'>;
  readonly serviceAccounts: ServiceAccountTokens;
  readonly certificates?: Authenticator;
  readonly rng: Rng;
}

export interface Authentication {
  readonly authenticator: Authenticator;
  readonly virtual: readonly VirtualResource[];
  readonly actions: readonly ObjectAction[];
}

export function createAuthentication(options: AuthenticationOptions): Authentication {
  const { core, table, serviceAccounts, certificates, rng } = options;
  const { clock } = core;
  const live = createLiveObjects(core);
  const audiences = [ISSUER];
  const tokens = createTokenReviewer(
    [
      createServiceAccountAuthenticator({ verifier: serviceAccounts, live, clock }),
      createBootstrapTokenAuthenticator({ live, clock }),
      createTableAuthenticator(table),
    ],
    audiences,
  );
  return {
    authenticator: createUnionAuthenticator({ certificates, tokens, audiences }),
    virtual: [createTokenReview({ core, tokens, audiences }), createSelfSubjectReview(core)],
    actions: [createTokenRequestAction({ core, signer: serviceAccounts, rng })],
  };
}
