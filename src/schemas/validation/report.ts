/** Constructors of field errors, in the words of Kubernetes' `field` package. */
import type { FieldError } from '../errors/field-error.ts';
import { quote } from '../errors/status.ts';

export { append } from '../../base/append.ts';

/** The list that a validator fills. */
export type FieldErrors = FieldError[];

/**
 * Errors that one validation may find before it ends. The answer shows fewer; the rest would only
 * cost time and memory, up to a hundred bytes of error for each byte of a hostile body.
 */
export const MAX_FOUND_ERRORS = 1_000;

/** Ends a validation that has found enough. */
class EnoughErrors extends Error {
  override readonly name = 'EnoughErrors';
}

/** Errors of the running validation. Validations are synchronous: there is one at a time. */
let found: FieldError[] | undefined;

/** Runs `validate` until it has found {@link MAX_FOUND_ERRORS}, and returns the errors. */
export function boundedErrors(validate: () => readonly FieldError[]): readonly FieldError[] {
  if (found) return validate();
  const mine: FieldError[] = [];
  found = mine;
  try {
    return validate();
  } catch (error) {
    if (!(error instanceof EnoughErrors)) throw error;
    return mine;
  } finally {
    found = undefined;
  }
}

/** Counts an error that a validation found. Every constructor below does. */
function note(error: FieldError): FieldError {
  found?.push(error);
  if (found && found.length >= MAX_FOUND_ERRORS) throw new EnoughErrors();
  return error;
}

export const required = (path: string, detail = ''): FieldError =>
  note({ type: 'FieldValueRequired', path, detail });

export const invalid = (path: string, value: unknown, detail: string): FieldError =>
  note({ type: 'FieldValueInvalid', path, value: value === undefined ? null : value, detail });

/** Says what is wrong without showing the value, where it is a whole object or list. */
export const invalidWhole = (path: string, detail: string): FieldError =>
  note({ type: 'FieldValueInvalid', path, detail });

export const forbidden = (path: string, detail: string): FieldError =>
  note({ type: 'FieldValueForbidden', path, detail });

export const duplicate = (path: string, value: unknown): FieldError =>
  note({ type: 'FieldValueDuplicate', path, value, detail: '' });

export const notFound = (path: string, value: unknown): FieldError =>
  note({ type: 'FieldValueNotFound', path, value, detail: '' });

export const notSupported = (path: string, value: unknown, supported: readonly string[]): FieldError =>
  note({
    type: 'FieldValueNotSupported',
    path,
    value: value === undefined ? '' : value,
    detail: `supported values: ${supported.map(quote).join(', ')}`,
  });

export const tooLong = (path: string, maxBytes: number): FieldError =>
  note({ type: 'FieldValueTooLong', path, detail: `may not be more than ${maxBytes} bytes` });

export const tooMany = (path: string, count: number, max: number): FieldError =>
  note({
    type: 'FieldValueTooMany',
    path,
    value: count,
    detail: `must have at most ${max} item${max === 1 ? '' : 's'}`,
  });

/**
 * A value as upstream shows its internal types: every field, under its Go name, null where it is
 * absent. `zero` gives what else a field shows when it is absent.
 */
export function goStruct(
  value: Readonly<Record<string, unknown>>,
  fields: readonly string[],
  zero: Readonly<Record<string, unknown>> = {},
): Readonly<Record<string, unknown>> {
  const goName = (field: string): string =>
    field.startsWith('seLinux')
      ? `SELinux${field.slice('seLinux'.length)}`
      : `${field.charAt(0).toUpperCase()}${field.slice(1)}`;
  return Object.fromEntries(
    fields.map((field) => [goName(field), value[field] ?? zero[field] ?? null] as const),
  );
}

/** `path[key]`, for members of maps. */
export const keyed = (path: string, key: string): string => `${path}[${key}]`;
/** `path[0]`, for elements of lists. */
export const indexed = (path: string, index: number): string => `${path}[${index}]`;

/** One `Invalid value` for each complaint about the value. */
export function invalidAll(path: string, value: unknown, complaints: readonly string[]): FieldError[] {
  return complaints.map((complaint) => invalid(path, value, complaint));
}

const bytes = new TextEncoder();
export const byteLength = (text: string): number => bytes.encode(text).length;
