/** Refusals that several parts of the API core give, in upstream's words. */
import type { FieldError } from '../schemas/errors/field-error.ts';
import type { KubeObject } from '../schemas/object.ts';
import { type ResourceKind, resourceIdOf } from '../schemas/resource-kind.ts';
import {
  failure,
  fieldErrorBody,
  fieldErrorText,
  shorten,
  type Status,
  type StatusError,
} from '../schemas/errors/status.ts';

/** 403 by an admission rule: `pods "a" is forbidden: why`. */
export function forbidden(
  kind: Pick<ResourceKind, 'group' | 'plural'>,
  name: string,
  why: string,
  causes?: NonNullable<Status['details']>['causes'],
): StatusError {
  return failure(403, 'Forbidden', `${resourceIdOf(kind)} ${JSON.stringify(name)} is forbidden: ${why}`, {
    ...(name === '' ? {} : { name }),
    ...(kind.group === '' ? {} : { group: kind.group }),
    kind: kind.plural,
    ...(causes ? { causes } : {}),
  });
}

/** {@link forbidden} for an object as its client knows it: by its prefix where it has no name. */
export const deny = (
  kind: Pick<ResourceKind, 'group' | 'plural'>,
  { metadata }: KubeObject,
  why: string,
): StatusError => forbidden(kind, metadata.name || metadata.generateName || 'Unknown', why);

/** 422 for bad options of a request: `ListOptions.meta.k8s.io "" is invalid: …`. */
export function invalidOptions(type: string, error: FieldError): StatusError {
  return failure(422, 'Invalid', `${type}.meta.k8s.io "" is invalid: ${fieldErrorText(error)}`, {
    group: 'meta.k8s.io',
    kind: type,
    causes: [{ reason: error.type, message: fieldErrorBody(error), field: error.path }],
  });
}

/** 422 for a patch whose result is not an object of the kind. */
export function invalidPatch(value: string, why: string): StatusError {
  const message = `Invalid value: ${JSON.stringify(shorten(value))}: ${shorten(why)}`;
  return failure(422, 'Invalid', ` "" is invalid: patch: ${message}`, {
    causes: [{ reason: 'FieldValueInvalid', message, field: 'patch' }],
  });
}

export function resourceNotFound(): StatusError {
  return failure(404, 'NotFound', 'the server could not find the requested resource', {});
}

export function methodNotAllowed(): StatusError {
  const message = 'the server does not allow this method on the requested resource';
  return failure(405, 'MethodNotAllowed', message, {});
}

/** 405: what a definition made is on its way out with it. */
export function definitionTerminating(): StatusError {
  const why = 'create not allowed while custom resource definition is terminating';
  return failure(405, 'MethodNotAllowed', why);
}
