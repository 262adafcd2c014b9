/** `SubjectAccessReview`: may somebody do something. For services that let us decide. */
import { asList, asRecord, asString } from '../../schemas/json-access.ts';
import { type FieldErrors, invalid } from '../../schemas/validation/report.ts';
import type { UserInfo } from '../../resources/types.ts';
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

const KIND = 'SubjectAccessReview';

export function createSubjectAccessReview(parts: ReviewParts): VirtualResource {
  return {
    ...reviewResource(KIND),
    async create(body, _namespace, options, context) {
      const review = takeReview(parts, KIND, body, options, context);
      const spec = asRecord(review['spec']);
      const errors = [...checkSpec(spec), ...checkSubject(spec), ...checkMetadata(review)];
      if (errors.length > 0) throw invalidReview(errors);
      return answered(review, await decide(parts.authorizer, subjectOf(spec), spec));
    },
  };
}

export function checkSubject({ user, groups }: Readonly<Record<string, unknown>>): FieldErrors {
  if (asString(user) !== '' || asList(groups).length > 0) return [];
  return [invalid('spec.user', '', 'at least one of user or group must be specified')];
}

export function subjectOf({ user, groups }: Readonly<Record<string, unknown>>): UserInfo {
  return { name: asString(user), groups: asList(groups).map(asString) };
}
