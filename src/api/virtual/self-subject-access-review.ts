/** `SelfSubjectAccessReview`: may the caller do something (`kubectl auth can-i`). */
import { asRecord } from '../../schemas/json-access.ts';
import {
  answered,
  checkMetadata,
  checkSpec,
  decide,
  invalidReview,
  type ReviewParts,
  reviewResource,
  takeReview,
} from './access-review.ts';
import type { VirtualResource } from './types.ts';

const KIND = 'SelfSubjectAccessReview';

export function createSelfSubjectAccessReview(parts: ReviewParts): VirtualResource {
  return {
    ...reviewResource(KIND),
    async create(body, _namespace, options, context) {
      const review = takeReview(parts, KIND, body, options, context);
      const spec = asRecord(review['spec']);
      const errors = [...checkSpec(spec), ...checkMetadata(review)];
      if (errors.length > 0) throw invalidReview(errors);
      return answered(review, await decide(parts.authorizer, context.user, spec));
    },
  };
}
