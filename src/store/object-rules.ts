/** What is checked before an object is written, and the names of what the store refuses: pure. */
import type { FieldError } from '../schemas/field-error.ts';
import type { KubeObject } from '../schemas/object.ts';
import type { ResourceKind, Subresource } from '../schemas/resource-kind.ts';
import { alreadyExists, conflict, failure, invalid, notFound, type StatusError } from '../schemas/status.ts';
import { boundedErrors } from '../schemas/validation/report.ts';
import type { CommitRefused } from './types.ts';

/**
 * Types and names of fields, before anything else looks at the object. Absent fields and unknown words are for
 * validation to speak about, which knows all of them at once; those are returned, for whatever it lets pass.
 */
export function checkStructure(kind: ResourceKind, object: KubeObject): readonly FieldError[] {
  const errors = kind.checkStructure(object);
  if (errors.some(({ type }) => !MEANING.has(type))) refuse(kind, object, errors);
  return errors;
}

const MEANING: ReadonlySet<string> = new Set(['FieldValueRequired', 'FieldValueNotSupported']);

/** The meaning of an object about to be created, and whether all of it is implemented. */
export function checkNew(kind: ResourceKind, object: KubeObject, structure: readonly FieldError[]): void {
  refuse(
    kind,
    object,
    boundedErrors(() => [...kind.validate(object), ...kind.checkImplemented(object)]),
  );
  refuse(kind, object, structure);
}

/** A write to a subresource (a status, a binding) changes what belongs to the system: the rules for users do not apply. */
export function checkUpdate(
  kind: ResourceKind,
  next: KubeObject,
  current: KubeObject,
  subresource: Subresource | undefined,
  structure: readonly FieldError[],
): void {
  const byUser = subresource === undefined || subresource === 'scale';
  const rules = (): readonly FieldError[] =>
    byUser
      ? [...kind.validateUpdate(next, current), ...kind.checkImplemented(next)]
      : (kind.validateSubresource?.(next, current, subresource) ?? []);
  refuse(
    kind,
    next,
    boundedErrors(() => {
      const before = rules();
      return [...kind.validate(next, current), ...before];
    }),
  );
  refuse(kind, next, structure);
}

function refuse(kind: ResourceKind, object: KubeObject, errors: readonly FieldError[]): void {
  if (errors.length > 0) throw invalid(kind, object.metadata.name, errors);
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
    case 'tooLarge':
      return failure(413, 'RequestEntityTooLarge', `${kind.plural} "${name}" is too large for the store`);
  }
}
