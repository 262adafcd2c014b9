/** `SelfSubjectRulesReview`: the caller's rights in a namespace (`kubectl auth can-i --list`). */
import { asRecord, asString } from '../../schemas/json-access.ts';
import type { PolicyRule } from '../../schemas/rbac.ts';
import { badRequest } from '../../schemas/errors/status.ts';
import { type ReviewParts, reviewResource, takeReview } from './access-review.ts';
import type { VirtualResource } from './types.ts';

const KIND = 'SelfSubjectRulesReview';

export function createSelfSubjectRulesReview(parts: ReviewParts): VirtualResource {
  return {
    ...reviewResource(KIND),
    async create(body, _namespace, options, context) {
      const review = takeReview(parts, KIND, body, options, context);
      const namespace = asString(asRecord(review['spec'])['namespace']);
      if (namespace === '') throw badRequest('no namespace on request');
      const { rules, errors } = await parts.authorizer.rulesFor(context.user, namespace);
      return {
        apiVersion: review.apiVersion,
        kind: review.kind,
        // As upstream answers: without the question.
        metadata: {} as typeof review.metadata,
        spec: {},
        status: {
          resourceRules: rules.flatMap((rule) => (isAboutPaths(rule) ? [] : [resourceRule(rule)])),
          nonResourceRules: rules.flatMap((rule) =>
            isAboutPaths(rule) ? [{ verbs: rule.verbs, nonResourceURLs: rule.nonResourceURLs }] : [],
          ),
          incomplete: errors.length > 0,
          ...(errors.length > 0 ? { evaluationError: errors.join(', ') } : {}),
        },
      };
    },
  };
}

const isAboutPaths = ({ nonResourceURLs = [] }: PolicyRule): boolean => nonResourceURLs.length > 0;

const resourceRule = ({ verbs, apiGroups, resources, resourceNames }: PolicyRule): PolicyRule => ({
  verbs,
  ...(apiGroups ? { apiGroups } : {}),
  ...(resources ? { resources } : {}),
  ...(resourceNames ? { resourceNames } : {}),
});
