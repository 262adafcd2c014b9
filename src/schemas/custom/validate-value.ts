/**
 * Checks a custom resource against its schema, with the complaints, paths and order of words of
 * upstream's validator (kube-openapi, and what apiextensions makes of its results). An interpreter
 * rather than compiled code: a definition is input of users, and nothing of theirs becomes code.
 *
 * Rules in CEL come last (see rules/). Members are visited by name, so that the result does not
 * depend on their order.
 */
import { append } from '../../base/append.ts';
import { isRecord, jsonEqual, stableStringify } from '../../base/json.ts';
import type { FieldError } from '../errors/field-error.ts';
import { quote } from '../errors/status.ts';
import { asRecord } from '../json-access.ts';
import { compileRegex } from '../values/regex.ts';
import { hasFormat } from '../values/formats.ts';
import { partners } from './partners.ts';
import { evaluateRules, NOWHERE } from './rules/evaluate-rules.ts';
import {
  hasRules,
  keepsUnknown,
  MAX_SCHEMA_DEPTH,
  memberSchema,
  OBJECT_FIELDS,
  type StructuralSchema,
} from './structural-schema.ts';
import { validateEmbedded } from './validate-embedded.ts';

/** The most errors that are reported of one object. */
const MAX_ERRORS = 100;

/**
 * Errors of an object of the API; apiVersion, kind and metadata are checked elsewhere. `old` is
 * what an update replaces, for the rules that compare. `moreRules` are those that are code.
 */
export function validateCustomObject(
  schema: StructuralSchema,
  object: unknown,
  old?: unknown,
  moreRules?: () => readonly FieldError[],
): readonly FieldError[] {
  const errors = [...check(schema, object, '', true, 0, old), ...validateEmbedded(schema, object, '')].slice(
    0,
    MAX_ERRORS,
  );
  if (errors.some(({ type }) => BLOCKING.has(type)))
    return moreRules || hasRules(schema) ? [...errors, UNCHECKED] : errors;
  const broken = evaluateRules({ schema, value: object, old, path: '', isRoot: true });
  return [...errors, ...broken, ...(moreRules?.() ?? [])];
}

const BLOCKING: ReadonlySet<string> = new Set([
  'FieldValueNotSupported',
  'FieldValueRequired',
  'FieldValueTooLong',
  'FieldValueTooMany',
  'FieldValueTypeInvalid',
]);

const UNCHECKED: FieldError = {
  type: 'FieldValueInvalid',
  path: NOWHERE,
  value: null,
  detail:
    'some validation rules were not checked because the object was invalid; correct the existing errors to complete validation',
};

export function validateValue(schema: StructuralSchema, value: unknown, path: string): readonly FieldError[] {
  return [...check(schema, value, path, false, 0), ...validateEmbedded(schema, value, path)];
}

/** A value that was invalid before and did not change may stay: the schema may be newer. */
function check(
  schema: StructuralSchema,
  value: unknown,
  path: string,
  root: boolean,
  depth: number,
  old?: unknown,
): readonly FieldError[] {
  const errors = checkNow(schema, value, path, root, depth, old);
  return errors.length > 0 && old !== undefined && jsonEqual(value, old) ? [] : errors;
}

function checkNow(
  schema: StructuralSchema,
  value: unknown,
  path: string,
  root: boolean,
  depth: number,
  old: unknown,
): readonly FieldError[] {
  if (depth > MAX_SCHEMA_DEPTH) return [];
  if (value === null && schema.nullable === true) return [];
  const wrongType = typeError(schema, value, path);
  if (wrongType) return [wrongType];
  const errors: FieldError[] = [];
  append(errors, combined(schema, value, path, depth));
  append(errors, enumError(schema, value, path));
  if (typeof value === 'string') append(errors, textErrors(schema, value, path));
  else if (typeof value === 'number') append(errors, numberErrors(schema, value, path));
  else if (Array.isArray(value)) append(errors, listErrors(schema, value, path, depth, old));
  else if (isRecord(value)) append(errors, objectErrors(schema, value, path, root, depth, old));
  return errors;
}

/** Adds errors up to the limit. */
function addSome(errors: FieldError[], more: readonly FieldError[]): void {
  for (const error of more.slice(0, MAX_ERRORS - errors.length)) errors.push(error);
}

/** The path as messages have it; the root has none. */
const invalid = (path: string, value: unknown, text: string): FieldError => ({
  type: 'FieldValueInvalid',
  path,
  value,
  detail: `${path} in body ${text}`,
});

export function typeOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value;
}

function isOfType(type: string, actual: string): boolean {
  return type === actual || (type === 'number' && actual === 'integer');
}

function typeError(schema: StructuralSchema, value: unknown, path: string): FieldError | undefined {
  const actual = typeOf(value);
  const eitherWay = schema['x-kubernetes-int-or-string'] === true || schema.format === 'int-or-string';
  if (eitherWay)
    return actual === 'integer' || actual === 'string' ? undefined : mustBe(path, 'integer,string', actual);
  const { type } = schema;
  if (typeof type !== 'string' || type === '')
    return actual === 'null' && !keepsUnknown(schema) && schema.properties
      ? mustBe(path, 'object', actual)
      : undefined;
  return isOfType(type, actual) ? undefined : mustBe(path, type, actual);
}

const mustBe = (path: string, type: string, value: string): FieldError => ({
  type: 'FieldValueTypeInvalid',
  path,
  value,
  detail: `${path} in body must be of type ${type}: ${quote(value)}`,
});

function enumError(schema: StructuralSchema, value: unknown, path: string): readonly FieldError[] {
  const { enum: allowed } = schema;
  if (!Array.isArray(allowed) || allowed.length === 0) return [];
  const values = allowed as readonly unknown[];
  if (values.some((item) => jsonEqual(item, value))) return [];
  const texts = values.map((item) => quote(typeof item === 'string' ? item : JSON.stringify(item)));
  return [{ type: 'FieldValueNotSupported', path, value, detail: `supported values: ${texts.join(', ')}` }];
}

function textErrors(schema: StructuralSchema, text: string, path: string): readonly FieldError[] {
  const errors: FieldError[] = [];
  const { maxLength, minLength, pattern, format } = schema;
  const length = Array.from(text).length;
  if (maxLength !== undefined && length > maxLength)
    errors.push({ type: 'FieldValueTooLong', path, detail: `may not be more than ${maxLength} bytes` });
  if (minLength !== undefined && length < minLength)
    errors.push(invalid(path, text, `should be at least ${minLength} chars long`));
  if (pattern !== undefined && !matchesPattern(pattern, text))
    errors.push(invalid(path, text, `should match '${pattern}'`));
  if (format !== undefined && !hasFormat(format, text)) errors.push(mustBe(path, format, text));
  return errors;
}

/** Patterns are those of Go; one that is none (definitions are checked) holds for everything. */
function matchesPattern(pattern: string, text: string): boolean {
  const regex = compileRegex(pattern);
  return typeof regex === 'string' || regex.test(text);
}

function numberErrors(schema: StructuralSchema, value: number, path: string): readonly FieldError[] {
  const errors: FieldError[] = [];
  const { maximum, minimum, multipleOf } = schema;
  if (maximum !== undefined && (schema.exclusiveMaximum === true ? value >= maximum : value > maximum))
    errors.push(
      invalid(
        path,
        value,
        `should be less than ${schema.exclusiveMaximum === true ? '' : 'or equal to '}${maximum}`,
      ),
    );
  if (minimum !== undefined && (schema.exclusiveMinimum === true ? value <= minimum : value < minimum))
    errors.push(
      invalid(
        path,
        value,
        `should be greater than ${schema.exclusiveMinimum === true ? '' : 'or equal to '}${minimum}`,
      ),
    );
  if (multipleOf !== undefined && multipleOf > 0 && !Number.isInteger(value / multipleOf))
    errors.push(invalid(path, value, `should be a multiple of ${multipleOf}`));
  const limit = { int32: 2 ** 31, int64: 2 ** 63 }[schema.format ?? ''];
  if (limit !== undefined && schema.type === 'integer' && (value >= limit || value < -limit))
    errors.push(invalid(path, value, `must be of type ${schema.format ?? ''}: ${quote(String(value))}`));
  return errors;
}

function listErrors(
  schema: StructuralSchema,
  list: readonly unknown[],
  path: string,
  depth: number,
  old: unknown,
): readonly FieldError[] {
  const errors: FieldError[] = [];
  const { items, minItems, maxItems } = schema;
  if (isRecord(items)) {
    const partner = partners(schema, old);
    for (const [index, item] of list.entries()) {
      if (errors.length >= MAX_ERRORS) break;
      addSome(errors, check(items, item, `${path}[${index}]`, false, depth + 1, partner(item)));
    }
  }
  if (minItems !== undefined && list.length < minItems)
    errors.push(invalid(path, list.length, `should have at least ${minItems} items`));
  if (maxItems !== undefined && list.length > maxItems)
    errors.push({
      type: 'FieldValueTooMany',
      path,
      value: list.length,
      detail: `must have at most ${maxItems} item${maxItems === 1 ? '' : 's'}`,
    });
  return [...errors, ...repeatedItems(schema, list, path)];
}

/** Sets hold a value once, maps an item for each combination of keys. */
function repeatedItems(
  schema: StructuralSchema,
  list: readonly unknown[],
  path: string,
): readonly FieldError[] {
  const type = schema['x-kubernetes-list-type'];
  if (type !== 'set' && type !== 'map') return [];
  const keys = type === 'map' ? (schema['x-kubernetes-list-map-keys'] ?? []) : undefined;
  const identity = (item: unknown): unknown => {
    if (!keys) return item;
    const record = asRecord(item);
    return Object.fromEntries(
      keys.flatMap((key) => (Object.hasOwn(record, key) ? [[key, record[key]]] : [])),
    );
  };
  const seen = new Set<string>();
  const errors: FieldError[] = [];
  for (const [index, item] of list.entries()) {
    if (errors.length >= MAX_ERRORS) break;
    const value = identity(item);
    const text = stableStringify(value);
    if (seen.has(text))
      errors.push({ type: 'FieldValueDuplicate', path: `${path}[${index}]`, value, detail: '' });
    seen.add(text);
  }
  return errors;
}

function objectErrors(
  schema: StructuralSchema,
  value: Record<string, unknown>,
  path: string,
  root: boolean,
  depth: number,
  old: unknown,
): readonly FieldError[] {
  const errors: FieldError[] = [];
  const before = isRecord(old) && schema['x-kubernetes-map-type'] !== 'atomic' ? old : {};
  const at = (name: string): string => (path === '' ? name : `${path}.${name}`);
  const { required, minProperties, maxProperties } = schema;
  for (const name of required ?? [])
    if (!Object.hasOwn(value, name)) errors.push({ type: 'FieldValueRequired', path: at(name), detail: '' });
  for (const name of Object.keys(value).sort()) {
    if (root && OBJECT_FIELDS.has(name)) continue;
    const inner = memberSchema(schema, name);
    if (!inner) continue;
    const previous = Object.hasOwn(before, name) ? before[name] : undefined;
    if (errors.length >= MAX_ERRORS) break;
    addSome(errors, check(inner, value[name], at(name), false, depth + 1, previous));
  }
  const count = Object.keys(value).length;
  if (minProperties !== undefined && count < minProperties)
    errors.push(invalid(path, count, `should have at least ${minProperties} properties`));
  if (maxProperties !== undefined && count > maxProperties)
    errors.push({
      type: 'FieldValueTooMany',
      path,
      value: count,
      detail: `must have at most ${maxProperties} item${maxProperties === 1 ? '' : 's'}`,
    });
  return errors;
}

/** allOf, anyOf, oneOf and not: upstream reports them for the whole object, path in the text. */
function combined(
  schema: StructuralSchema,
  value: unknown,
  path: string,
  depth: number,
): readonly FieldError[] {
  const errors: FieldError[] = [];
  const whole = (text: string): void => {
    errors.push({ type: 'FieldValueInvalid', path: NOWHERE, value: '', detail: `${quote(path)} ${text}` });
  };
  const results = (list: readonly StructuralSchema[]): readonly (readonly FieldError[])[] =>
    list.map((item) => check(item, value, path, false, depth + 1));
  const { allOf, anyOf, oneOf, not } = schema;
  if (anyOf && anyOf.length > 0 && schema['x-kubernetes-int-or-string'] !== true) {
    const found = results(anyOf);
    if (!found.some((list) => list.length === 0)) {
      whole('must validate at least one schema (anyOf)');
      append(errors, closest(found));
    }
  }
  if (oneOf && oneOf.length > 0) {
    const found = results(oneOf);
    const valid = found.filter((list) => list.length === 0).length;
    if (valid === 0) {
      whole('must validate one and only one schema (oneOf). Found none valid');
      append(errors, closest(found));
    } else if (valid > 1)
      whole(`must validate one and only one schema (oneOf). Found ${valid} valid alternatives`);
  }
  if (allOf && allOf.length > 0) {
    const found = results(allOf);
    const valid = found.filter((list) => list.length === 0).length;
    append(errors, found.flat());
    if (valid < allOf.length)
      whole(`must validate all the schemas (allOf)${valid === 0 ? '. None validated' : ''}`);
  }
  if (not && check(not, value, path, false, depth + 1).length === 0)
    whole('must not validate the schema (not)');
  return errors;
}

/** The closest alternative gives the error. */
function closest(found: readonly (readonly FieldError[])[]): readonly FieldError[] {
  return found.reduce((best, list) => (list.length < best.length ? list : best), found[0] ?? []);
}
