/**
 * Structure: does an object have the shape of its kind? Types, unknown and missing fields, listed
 * values; by validators that scripts/generate.mjs compiled from the recorded schemas. Meaning is
 * for `ResourceKind.validate`.
 *
 * Total on any JSON value: never throws, never runs away (depth and number of errors are bounded).
 * Values of a Secret do not appear in errors.
 */
import { isRecord, ownMember } from '../base/json.ts';
import { unwrapBytes } from './values/base64-fields.ts';
import { closestName } from './values/closest-name.ts';
import { childDefinition, type Definition, definitionOf, joinPath, withoutNulls } from './definitions.ts';
import type { FieldError } from './errors/field-error.ts';
import { type ValidationError, validators } from './generated/validators.js';

/** Real objects nest about 20 levels; hostile input must not exhaust the stack. */
export const MAX_OBJECT_DEPTH = 200;
/** More errors than this in one object help nobody. */
export const MAX_STRUCTURE_ERRORS = 100;
/** How much of an offending text a message shows. */
const MAX_SHOWN_CHARACTERS = 80;

const RAW = definitionOf('io.k8s.apimachinery.pkg.runtime.RawExtension');

/** `schemaName` is the result of {@link schemaNameOf}; an unknown one is a bug and throws. */
export function checkStructure(schemaName: string, object: unknown): readonly FieldError[] {
  const validate = validators[schemaName];
  const root = definitionOf(schemaName);
  if (!validate || !root) throw new Error(`No schema is named "${schemaName}"`);
  if (!isRecord(object))
    return [{ type: 'FieldValueTypeInvalid', path: '', detail: `must be an object, not ${article(object)}` }];
  if (isDeeperThan(object, MAX_OBJECT_DEPTH)) {
    const detail = `must not be nested deeper than ${MAX_OBJECT_DEPTH} levels`;
    return [{ type: 'FieldValueInvalid', path: '', detail }];
  }
  const data = unwrapBytes(schemaName, withoutNulls(schemaName, object));
  if (validate(data)) return [];
  const secret = root['x-kubernetes-group-version-kind']?.some((gvk) => gvk.kind === 'Secret') ?? false;
  const seen = new Set<string>();
  const errors: FieldError[] = [];
  for (const error of validate.errors ?? []) {
    if (errors.length >= MAX_STRUCTURE_ERRORS) break;
    const fieldError = toFieldError(error, data, root, secret);
    // Validation checks its content.
    if (error.keyword === 'type' && locate(error.instancePath, data, root).definition === RAW) continue;
    // A status is ours to write: what it lacks is not for the user to fill in.
    if (fieldError.type === 'FieldValueRequired' && /^status(?:[.[]|$)/.test(fieldError.path)) continue;
    const key = `${fieldError.path}\n${fieldError.detail}`;
    if (seen.has(key)) continue;
    seen.add(key);
    errors.push(fieldError);
  }
  return errors;
}

function toFieldError(error: ValidationError, data: unknown, root: Definition, secret: boolean): FieldError {
  const { path, value, definition } = locate(error.instancePath, data, root);
  const params = error.params;
  const shown =
    secret && /^(?:data|stringData)\b/.test(path) ? undefined : showable(value, error.keyword === 'enum');
  const withValue = shown === undefined ? {} : { value: shown };
  switch (error.keyword) {
    case 'additionalProperties': {
      const name = String(params['additionalProperty']);
      const known = Object.keys(definition?.properties ?? {});
      const closest = closestName(name, known);
      const guess = closest === undefined ? '' : `, did you mean "${closest}"?`;
      const detail = `unknown field "${clip(name)}"${guess}`;
      return { type: 'FieldValueInvalid', path: joinPath(path, definition, clip(name)), detail };
    }
    case 'required':
      return {
        type: 'FieldValueRequired',
        path: joinPath(path, definition, String(params['missingProperty'])),
        detail: '',
      };
    case 'enum': {
      const allowed = [...(params['allowedValues'] as string[])].sort();
      const detail = `supported values: ${allowed.map((name) => JSON.stringify(name)).join(', ')}`;
      return { type: 'FieldValueNotSupported', path, ...withValue, detail };
    }
    case 'type': {
      const types = [params['type']].flat().map(String);
      const expected = types.map((type) => ARTICLES[type] ?? type).join(' or ');
      const detail = `must be ${expected}, not ${article(value)}`;
      return { type: 'FieldValueTypeInvalid', path, ...withValue, detail };
    }
    case 'minimum':
    case 'maximum':
      return {
        type: 'FieldValueTypeInvalid',
        path,
        ...withValue,
        detail: `must be a ${Math.abs(Number(params['limit'])) > 2 ** 32 ? 64 : 32}-bit integer`,
      };
    case 'pattern': {
      const detail =
        definition?.format === 'byte'
          ? 'must be base64 text (plain text goes into stringData)'
          : 'must be a time as RFC 3339 writes it, such as 2026-01-02T03:04:05Z';
      return { type: 'FieldValueInvalid', path, ...withValue, detail };
    }
    default:
      return { type: 'FieldValueInvalid', path, detail: `does not satisfy "${error.keyword}"` };
  }
}

/** Turns ajv's JSON pointer into a Kubernetes path, with its value and its definition. */
function locate(
  pointer: string,
  data: unknown,
  root: Definition,
): { readonly path: string; readonly value: unknown; readonly definition: Definition | undefined } {
  let path = '';
  let value = data;
  let definition: Definition | undefined = root;
  for (const part of pointer.split('/').slice(1)) {
    const segment = part.replaceAll('~1', '/').replaceAll('~0', '~');
    path = joinPath(path, definition, clip(segment));
    value = Array.isArray(value)
      ? value[Number(segment)]
      : isRecord(value)
        ? ownMember(value, segment)
        : undefined;
    definition = childDefinition(definition, segment);
  }
  return { path, value, definition };
}

const ARTICLES: Readonly<Record<string, string>> = {
  object: 'an object',
  array: 'a list',
  string: 'a string',
  integer: 'an integer',
  number: 'a number',
  boolean: 'a boolean',
};

function article(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'an object' : (ARTICLES[typeof value] ?? typeof value);
}

function clip(text: string): string {
  return text.length <= MAX_SHOWN_CHARACTERS ? text : `${text.slice(0, MAX_SHOWN_CHARACTERS)}…`;
}

function showable(value: unknown, whole: boolean): string | number | boolean | undefined {
  if (typeof value === 'string') return whole && value.length <= 256 ? value : clip(value);
  return typeof value === 'number' || typeof value === 'boolean' ? value : undefined;
}

function isDeeperThan(value: unknown, limit: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (limit === 0) return true;
  for (const member of Object.values(value)) if (isDeeperThan(member, limit - 1)) return true;
  return false;
}
