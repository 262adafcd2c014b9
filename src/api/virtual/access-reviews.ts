/** The reviews of `authorization.k8s.io/v1`. */
import type { ReviewParts } from './access-review.ts';
import { createLocalSubjectAccessReview } from './local-subject-access-review.ts';
import { createSelfSubjectAccessReview } from './self-subject-access-review.ts';
import { createSelfSubjectRulesReview } from './self-subject-rules-review.ts';
import { createSubjectAccessReview } from './subject-access-review.ts';
import type { VirtualResource } from './types.ts';

export const createAccessReviews = (parts: ReviewParts): readonly VirtualResource[] => [
  createLocalSubjectAccessReview(parts),
  createSelfSubjectAccessReview(parts),
  createSelfSubjectRulesReview(parts),
  createSubjectAccessReview(parts),
];
