/** `authentication.k8s.io/v1 TokenReview`: the owner of a token, for services that accept it. */
import { isRecord } from '../../base/json.ts';
import { badRequest } from '../../schemas/errors/status.ts';
import type { TokenReviewer, TokenVerdict } from '../authn/union.ts';
import type { ResourceCore } from '../../resources/resource-core.ts';
import { takeTyped } from '../../resources/decoding/intake.ts';
import { named } from './named.ts';
import type { VirtualResource } from './types.ts';
import { userInfoJson } from './user-info.ts';

const TYPE = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview' } as const;

export interface TokenReviewOptions {
  readonly core: Pick<ResourceCore, 'schemas'>;
  readonly tokens: TokenReviewer;
  /** The audiences to check where the review names none. */
  readonly audiences: readonly string[];
}

export function createTokenReview({ core, tokens, audiences: own }: TokenReviewOptions): VirtualResource {
  return {
    ...named({ group: 'authentication.k8s.io', version: 'v1', kind: TYPE.kind, verbs: ['create'] }),
    async create(body, _namespace, { fieldValidation }, context) {
      const schema = core.schemas.ofKind('authentication.k8s.io', 'v1', TYPE.kind);
      const review = takeTyped(core.schemas, schema, body, TYPE, { fieldValidation, context });
      const spec = isRecord(review['spec']) ? review['spec'] : {};
      const { token, audiences } = spec;
      if (typeof token !== 'string' || token === '')
        throw badRequest('token is required for TokenReview in authentication');
      const wanted = Array.isArray(audiences) ? (audiences as readonly string[]) : [];
      const verdict = await tokens.review(token, wanted.length === 0 ? own : wanted);
      return { ...review, status: statusOf(verdict) };
    },
  };
}

function statusOf(verdict: TokenVerdict): Record<string, unknown> {
  if (verdict.valid) {
    const { user, audiences = [] } = verdict.owner;
    return { authenticated: true, user: userInfoJson(user), audiences };
  }
  const { why } = verdict;
  const error = why === undefined ? 'invalid bearer token' : `[invalid bearer token, ${why}]`;
  return { user: {}, error };
}
