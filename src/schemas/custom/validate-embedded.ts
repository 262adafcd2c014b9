/**
 * Objects of the API inside a custom resource (`x-kubernetes-embedded-resource`): kind, version and
 * metadata must be such that the object could be one by itself. An update is checked whole:
 * upstream lets nothing of this stay for being old.
 */
import { isRecord } from '../../base/json.ts';
import type { FieldError } from '../errors/field-error.ts';
import { asRecord, asString, type Fields } from '../json-access.ts';
import { validateMetadata } from '../validation/metadata.ts';
import { dns1035Label, pathSegment } from '../validation/names.ts';
import { append, type FieldErrors, invalid, required } from '../validation/report.ts';
import { isEmbedded, MAX_SCHEMA_DEPTH, type StructuralSchema } from './structural-schema.ts';

export function validateEmbedded(
  schema: StructuralSchema,
  value: unknown,
  path: string,
  depth = 0,
): FieldErrors {
  const errors: FieldErrors = [];
  if (depth > MAX_SCHEMA_DEPTH) return errors;
  const inner = (of: unknown, member: unknown, at: string): void => {
    if (isRecord(of)) append(errors, validateEmbedded(of, member, at, depth + 1));
  };
  if (Array.isArray(value))
    for (const [index, item] of value.entries()) inner(schema.items, item, `${path}[${index}]`);
  if (!isRecord(value)) return errors;
  if (isEmbedded(schema)) append(errors, objectErrors(value, path));
  const named = schema.properties ?? {};
  for (const [name, member] of Object.entries(value)) {
    if (Object.hasOwn(named, name)) inner(named[name], member, path === '' ? name : `${path}.${name}`);
    else inner(schema.additionalProperties, member, `${path}[${name}]`);
  }
  return errors;
}

function objectErrors(value: Fields, path: string): FieldErrors {
  const { apiVersion, kind, metadata } = value;
  const errors: FieldErrors = [];
  const name = (of: unknown, at: string, check: (text: string) => FieldErrors): void => {
    if (of === undefined || of === '') errors.push(required(at, 'must not be empty'));
    else append(errors, typeof of === 'string' ? check(of) : [invalid(at, of, 'must be a string')]);
  };
  name(apiVersion, `${path}.apiVersion`, (text) =>
    text.split('/').length > 2
      ? [invalid(`${path}.apiVersion`, text, `unexpected GroupVersion string: ${text}`)]
      : [],
  );
  name(kind, `${path}.kind`, (text) => {
    const wrong = dns1035Label(text.toLowerCase());
    if (wrong.length === 0) return [];
    const detail = `may have mixed case, but should otherwise match: ${wrong.join(',')}`;
    return [invalid(`${path}.kind`, text, detail)];
  });
  if (metadata === undefined || metadata === null) return errors;
  if (isRecord(metadata)) append(errors, metadataErrors(metadata, path));
  else errors.push(invalid(`${path}.metadata`, metadata, 'must be an object'));
  return errors;
}

function metadataErrors(metadata: Fields, path: string): readonly FieldError[] {
  // Without a name it may be: whoever makes the object will give it one.
  const named = { ...metadata, name: asString(metadata['name']) || 'unnamed' };
  const namespaced = asString(asRecord(metadata)['namespace']) !== '';
  const rules = { namespaced, nameRule: pathSegment, anyFinalizer: true };
  return validateMetadata({ apiVersion: '', kind: '', metadata: named }, rules).map((error) => ({
    ...error,
    path: `${path}.${error.path}`,
  }));
}
