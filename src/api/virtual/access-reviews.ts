/** Reviews of access: of the caller (`kubectl auth can-i`), a subject, and one in a namespace. */
import { asList, asRecord, asString, isAbsent } from '../../schemas/json-access.ts';
import type { KubeObject } from '../../schemas/object.ts';
import { badRequest } from '../../schemas/errors/status.ts';
import { type FieldErrors, invalid } from '../../schemas/validation/report.ts';
import type { UserInfo } from '../../resources/types.ts';
import * as reviews from './access-review.ts';
import { createSelfSubjectRulesReview } from './self-subject-rules-review.ts';
import type { VirtualResource } from './types.ts';

type Spec = Readonly<Record<string, unknown>>;

export const createAccessReviews = (parts: reviews.ReviewParts): readonly VirtualResource[] => [
  accessReview(parts, 'LocalSubjectAccessReview', { namespaced: true }),
  accessReview(parts, 'SelfSubjectAccessReview', { isSelf: true }),
  createSelfSubjectRulesReview(parts),
  accessReview(parts, 'SubjectAccessReview', {}),
];

function accessReview(
  parts: reviews.ReviewParts,
  kind: string,
  { isSelf = false, namespaced = false },
): VirtualResource {
  return {
    ...reviews.reviewResource(kind, namespaced),
    async create(body, namespace = '', options, context) {
      const taken = reviews.takeReview(parts, kind, body, options, context);
      const review = namespaced ? placed(taken, namespace) : taken;
      const spec = asRecord(review['spec']);
      const errors = [
        ...reviews.checkSpec(spec),
        ...(isSelf ? [] : checkSubject(spec)),
        ...reviews.checkMetadata(review, namespaced ? ['namespace'] : []),
        ...(namespaced ? checkPlace(spec, namespace) : []),
      ];
      if (errors.length > 0) throw reviews.invalidReview(errors);
      const subject = isSelf ? context.user : subjectOf(spec);
      return reviews.answered(review, await reviews.decide(parts.authorizer, subject, spec));
    },
  };
}

function placed(review: KubeObject, namespace: string): KubeObject {
  const given = review.metadata.namespace;
  if (given && given !== namespace)
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  return { ...review, metadata: { ...review.metadata, namespace } };
}

function checkSubject({ user, groups }: Spec): FieldErrors {
  if (asString(user) !== '' || asList(groups).length > 0) return [];
  return [invalid('spec.user', '', 'at least one of user or group must be specified')];
}

function subjectOf({ user, groups }: Spec): UserInfo {
  return { name: asString(user), groups: asList(groups).map(asString) };
}

function checkPlace({ resourceAttributes, nonResourceAttributes }: Spec, namespace: string): FieldErrors {
  if (!isAbsent(nonResourceAttributes))
    return [
      invalid('spec.nonResourceAttributes', nonResourceAttributes, 'disallowed on this kind of request'),
    ];
  const asked = asString(asRecord(resourceAttributes)['namespace']);
  return isAbsent(resourceAttributes) || asked === namespace
    ? []
    : [invalid('spec.resourceAttributes.namespace', asked, 'must match metadata.namespace')];
}
