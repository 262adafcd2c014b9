/** Checks of an object before it is written, and the answers to refusals of the store. Pure. */
import { type FieldError, isMeaning } from '../../schemas/errors/field-error.ts';
import type { KubeObject } from '../../schemas/object.ts';
import type { ResourceKind, Subresource } from '../../schemas/resource-kind.ts';
import {
  alreadyExists,
  conflict,
  failure,
  fieldErrorText,
  invalid,
  notFound,
  type StatusError,
} from '../../schemas/errors/status.ts';
import { boundedErrors } from '../../schemas/validation/report.ts';
import type { CommitRefused } from '../../store/types.ts';

/**
 * Checks types and names of fields before all else. Validation reports absent fields and unknown
 * words, all of them at once. They are returned, for those that it lets pass.
 */
export function checkStructure(kind: ResourceKind, object: KubeObject): readonly FieldError[] {
  const errors = kind.checkStructure(object);
  if (errors.some((error) => !isMeaning(error))) throwErrors(kind, object, errors);
  return errors;
}

/** The meaning of an object about to be created, and whether the system may keep it. */
export function checkNew(kind: ResourceKind, object: KubeObject, structure: readonly FieldError[]): void {
  const errors = boundedErrors(() => kind.validate(object));
  throwErrors(kind, object, errors);
  throwErrors(kind, object, structure);
  throwErrors(kind, object, unimplemented(kind, object));
}

/** Pods with what is not implemented are kept and wait. */
const unimplemented = (kind: ResourceKind, object: KubeObject): readonly FieldError[] =>
  kind.waitsUnimplemented ? [] : kind.checkImplemented(object);

/** Writes to a subresource change fields of the system: the rules for users do not apply. */
export function checkUpdate(
  kind: ResourceKind,
  next: KubeObject,
  current: KubeObject,
  subresource: Subresource | undefined,
  structure: readonly FieldError[],
): void {
  const byUser = subresource === undefined || subresource === 'scale';
  const problems = boundedErrors(() => [
    ...newErrors(kind.validate(next, current, subresource), () =>
      kind.validate(current, current, subresource),
    ),
    ...(byUser
      ? kind.validateUpdate(next, current)
      : (kind.validateSubresource?.(next, current, subresource) ?? [])),
  ]);
  throwErrors(kind, next, problems);
  throwErrors(kind, next, structure);
  if (byUser) throwErrors(kind, next, unimplemented(kind, next));
}

/**
 * The errors that the stored object does not have already. It was accepted once, maybe by an
 * earlier version with fewer rules; an update that leaves that as it is must not get stuck on it.
 */
function newErrors(
  errors: readonly FieldError[],
  errorsBefore: () => readonly FieldError[],
): readonly FieldError[] {
  if (errors.length === 0) return errors;
  const known = new Set(errorsBefore().map(fieldErrorText));
  return known.size === 0 ? errors : errors.filter((error) => !known.has(fieldErrorText(error)));
}

/** Throws 422 where there are errors. */
export function throwErrors(kind: ResourceKind, object: KubeObject, errors: readonly FieldError[]): void {
  // Kinds that are kept as those of another group are refused in its name.
  if (errors.length > 0) throw invalid(kind.storedAs ?? kind, object.metadata.name, errors);
}

/** The answer that Kubernetes gives where the store refused a commit. */
export function statusOf(error: CommitRefused, kind: ResourceKind, name: string): StatusError {
  switch (error.reason) {
    case 'exists':
      return alreadyExists(kind, name);
    case 'missing':
      // Read a moment ago, gone now: for a write that named a version this is the loss of a race.
      return notFound(kind, name);
    case 'stale':
      return conflict(kind, name);
    case 'newer':
      return failure(
        500,
        'InternalError',
        `${kind.plural} "${name}" was stored by a newer version of Symphony: this version can read and delete it, but not change it`,
      );
    case 'tooLarge':
      return failure(413, 'RequestEntityTooLarge', `${kind.plural} "${name}" is too large for the store`);
  }
}
