/** `LocalSubjectAccessReview`: the same question, limited to one namespace. */
import { asRecord, asString, isAbsent } from '../../schemas/json-access.ts';
import type { KubeObject } from '../../schemas/object.ts';
import { badRequest } from '../../schemas/errors/status.ts';
import { type FieldErrors, invalid } from '../../schemas/validation/report.ts';
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
import { checkSubject, subjectOf } from './subject-access-review.ts';
import type { VirtualResource } from './types.ts';

const KIND = 'LocalSubjectAccessReview';

export function createLocalSubjectAccessReview(parts: ReviewParts): VirtualResource {
  return {
    ...reviewResource(KIND, true),
    async create(body, namespace = '', options, context) {
      const taken = takeReview(parts, KIND, body, options, context);
      const given = taken.metadata.namespace;
      if (given && given !== namespace)
        throw badRequest(
          'the namespace of the provided object does not match the namespace sent on the request',
        );
      const review: KubeObject = { ...taken, metadata: { ...taken.metadata, namespace } };
      const spec = asRecord(review['spec']);
      const errors = [
        ...checkSpec(spec),
        ...checkSubject(spec),
        ...checkMetadata(review, ['namespace']),
        ...checkPlace(spec, namespace),
      ];
      if (errors.length > 0) throw invalidReview(errors);
      return answered(review, await decide(parts.authorizer, subjectOf(spec), spec));
    },
  };
}

function checkPlace(spec: Readonly<Record<string, unknown>>, namespace: string): FieldErrors {
  const { resourceAttributes, nonResourceAttributes } = spec;
  if (!isAbsent(nonResourceAttributes))
    return [
      invalid('spec.nonResourceAttributes', nonResourceAttributes, 'disallowed on this kind of request'),
    ];
  const asked = asString(asRecord(resourceAttributes)['namespace']);
  return isAbsent(resourceAttributes) || asked === namespace
    ? []
    : [invalid('spec.resourceAttributes.namespace', asked, 'must match metadata.namespace')];
}
