/** Question, refusals and answer of a review of `authorization.k8s.io/v1`. Texts are upstream's. */
import type { Eventually } from '../../base/eventually.ts';
import { asRecord, asRecords, asString, asList, isAbsent, omit } from '../../schemas/json-access.ts';
import type { FieldError } from '../../schemas/errors/field-error.ts';
import type { KubeObject } from '../../schemas/object.ts';
import { invalid as invalidObject, type StatusError, failure } from '../../schemas/errors/status.ts';
import { type FieldErrors, invalid } from '../../schemas/validation/report.ts';
import type { Authorizer, Decision, ResourceAttributes } from '../../resources/authz/types.ts';
import type { ResourceCore } from '../../resources/resource-core.ts';
import { takeTyped } from '../../resources/decoding/intake.ts';
import type { RequestContext, UserInfo, WriteOptions } from '../../resources/types.ts';
import { named } from './named.ts';
import type { VirtualResource } from './types.ts';

export const GROUP = 'authorization.k8s.io';

export interface ReviewParts {
  readonly core: Pick<ResourceCore, 'schemas'>;
  readonly authorizer: Authorizer;
}

/** The part of a review that discovery and routing use. */
export const reviewResource = (kind: string, namespaced = false): VirtualResource =>
  named({ group: GROUP, version: 'v1', kind, namespaced, verbs: ['create'] });

export function takeReview(
  { core }: ReviewParts,
  kind: string,
  body: unknown,
  { fieldValidation }: WriteOptions,
  context: RequestContext,
): KubeObject {
  const type = { apiVersion: `${GROUP}/v1`, kind };
  return takeTyped(core.schemas, core.schemas.ofKind(GROUP, 'v1', kind), body, type, {
    fieldValidation,
    context,
  });
}

/** 422 about a review, which has no name; upstream leaves out the kind, too. */
export function invalidReview(errors: readonly FieldError[]): StatusError {
  const { status } = invalidObject({ group: GROUP, kind: '' }, '', errors);
  return failure(422, 'Invalid', status.message ?? '', {
    group: GROUP,
    ...(status.details?.causes ? { causes: status.details.causes } : {}),
  });
}

/** A review is no object: beyond the record of its fields, its metadata must be empty. */
export function checkMetadata({ metadata }: KubeObject, allowed: readonly string[] = []): FieldErrors {
  const rest = omit(metadata, 'managedFields', ...allowed);
  if (Object.values(rest).every(isAbsent)) return [];
  const detail = allowed.includes('namespace') ? 'must be empty except for namespace' : 'must be empty';
  return [invalid('metadata', metadata, detail)];
}

/** Exactly one of the two kinds of question. */
export function checkSpec(spec: Readonly<Record<string, unknown>>): FieldErrors {
  const { resourceAttributes, nonResourceAttributes } = spec;
  if (!isAbsent(resourceAttributes) && !isAbsent(nonResourceAttributes))
    return [
      invalid(
        'spec.nonResourceAttributes',
        nonResourceAttributes,
        'cannot be specified in combination with resourceAttributes',
      ),
    ];
  if (isAbsent(resourceAttributes) && isAbsent(nonResourceAttributes))
    return [
      invalid(
        'spec.resourceAttributes',
        undefined,
        'exactly one of nonResourceAttributes or resourceAttributes must be specified',
      ),
    ];
  return [];
}

export function decide(
  authorizer: Authorizer,
  user: UserInfo,
  spec: Readonly<Record<string, unknown>>,
): Eventually<Decision> {
  if (!isAbsent(spec['nonResourceAttributes'])) {
    const { verb, path } = asRecord(spec['nonResourceAttributes']);
    return authorizer.authorizePath(user, asString(verb), asString(path));
  }
  return authorizer.authorize(user, attributesOf(asRecord(spec['resourceAttributes'])));
}

const orNothing = (value: unknown): string | undefined => asString(value) || undefined;

function attributesOf(asked: Readonly<Record<string, unknown>>): ResourceAttributes {
  return {
    verb: asString(asked['verb']),
    group: asString(asked['group']),
    resource: asString(asked['resource']),
    subresource: orNothing(asked['subresource']),
    namespace: orNothing(asked['namespace']),
    name: orNothing(asked['name']),
    fieldSelector: selectorText(asRecord(asked['fieldSelector'])),
  };
}

/** Only requirements that fit into one term matter to a decision. */
function selectorText({ rawSelector, requirements }: Readonly<Record<string, unknown>>): string | undefined {
  const raw = orNothing(rawSelector);
  if (raw !== undefined) return raw;
  const terms = asRecords(requirements).flatMap(({ key, operator, values }) => {
    const [value, ...others] = asList(values);
    return operator === 'In' && others.length === 0 ? [`${asString(key)}=${asString(value)}`] : [];
  });
  return terms.length > 0 ? terms.join(',') : undefined;
}

export const answered = (review: KubeObject, { allowed, reason }: Decision): KubeObject => ({
  ...review,
  status: { allowed, ...(reason === undefined ? {} : { reason }) },
});
