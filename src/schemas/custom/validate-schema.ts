/**
 * Validates a schema in a CustomResourceDefinition. It must keep to the supported part of JSON
 * Schema, and it must be structural: a type for everything, and logic only about members that the
 * structure names. The rules and texts are upstream's; see the documentation of custom resources,
 * "Specifying a structural schema".
 */
import { isRecord } from '../../base/json.ts';
import { asRecord, asString, isAbsent } from '../json-access.ts';
import {
  append,
  type FieldErrors,
  forbidden,
  invalid,
  notSupported,
  required,
} from '../validation/report.ts';
import { compileRegex } from '../values/regex.ts';
import { schemaForm } from './internal-form.ts';
import { prune } from './prune.ts';
import { evaluateRules } from './rules/evaluate-rules.ts';
import { validateRules } from './rules/validate-rules.ts';
import { MAX_SCHEMA_DEPTH, OBJECT_FIELDS, readSchema, type StructuralSchema } from './structural-schema.ts';
import { below, forgetMembers, type Node, sorted } from './schema-walk.ts';
import { checkComplete, checkLogic } from './validate-conditions.ts';
import { checkListType } from './validate-list-types.ts';
import { validateValue } from './validate-value.ts';

/** The most errors about one schema. */
const MAX_ERRORS = 50;

/** `hasStatus`: the status is a subresource, and is validated by its part of the schema alone. */
export function validateSchema(schema: unknown, path: string, hasStatus = false): FieldErrors {
  const root = asRecord(schema);
  forgetMembers();
  const errors = [
    ...(hasStatus ? checkRootMembers(root, path) : []),
    ...(root['nullable'] === true
      ? [forbidden(`${path}.nullable`, 'nullable cannot be true at the root')]
      : []),
    ...checkSupported(root, path, 0),
    ...checkMetadata(root, { path, isRoot: true, inMetadata: false, noDefaults: undefined, depth: 0 }),
    ...(isReadable(root, 0)
      ? [...checkStructural(root, 'root', path, 0), ...checkComplete(root, root, path, path, 0)]
      : []),
  ];
  if (errors.length > 0) return errors.slice(0, MAX_ERRORS);
  const structural = readSchema(root);
  return [...checkDefaults(structural, path, 0), ...validateRules(structural, path)].slice(0, MAX_ERRORS);
}

/** The root of a schema may have these if its status is validated apart; upstream's order. */
const WITH_STATUS =
  'Description Type Format Title Maximum ExclusiveMaximum Minimum ExclusiveMinimum MaxLength MinLength Pattern MaxItems MinItems UniqueItems MultipleOf Required Items Properties ExternalDocs Example XPreserveUnknownFields XValidations';
const ROOT_MEMBERS: ReadonlySet<string> = new Set([
  ...WITH_STATUS.split(' ').map((name) => name.charAt(0).toLowerCase() + name.slice(1)),
  'x-kubernetes-preserve-unknown-fields',
  'x-kubernetes-validations',
]);

function checkRootMembers(root: Node, path: string): FieldErrors {
  const type = asString(root['type']);
  if (type !== '' && type !== 'object') {
    const detail =
      'only "object" is allowed as the type at the root of the schema if the status subresource is enabled';
    return [invalid(`${path}.type`, type, detail)];
  }
  const isSet = (value: unknown): boolean =>
    value !== undefined && value !== null && value !== '' && value !== false;
  const others = Object.keys(root).filter((name) => !ROOT_MEMBERS.has(name) && isSet(root[name]));
  if (others.length === 0) return [];
  const detail = `only [${WITH_STATUS}] fields are allowed at the root of the schema if the status subresource is enabled`;
  return [invalid(path, schemaForm(root), detail)];
}

const TYPES = ['array', 'boolean', 'integer', 'number', 'object', 'string'];

const UNSUPPORTED = ['definitions', 'dependencies', 'id', 'patternProperties', 'additionalItems'] as const;

const UNREADABLE = [...UNSUPPORTED, '$ref', '$schema'];

/** Whether upstream can make a structure of the schema; else only the first half is reported. */
function isReadable(schema: Node, depth: number): boolean {
  if (depth > MAX_SCHEMA_DEPTH || Array.isArray(schema['items'])) return false;
  if (UNREADABLE.some((name) => schema[name] !== undefined)) return false;
  return below(schema, '').every(([child]) => isReadable(child, depth + 1));
}

function checkSupported(schema: Node, path: string, depth: number): FieldErrors {
  if (depth > MAX_SCHEMA_DEPTH) return [forbidden(path, 'the schema is nested too deeply')];
  const errors: FieldErrors = [];
  const type = asString(schema['type']);
  if (schema['uniqueItems'] === true)
    errors.push(
      forbidden(
        `${path}.uniqueItems`,
        'uniqueItems cannot be set to true since the runtime complexity becomes quadratic',
      ),
    );
  const { properties, additionalProperties } = schema;
  const excludes = additionalProperties === false || isRecord(additionalProperties);
  if (isRecord(properties) && Object.keys(properties).length > 0 && excludes)
    errors.push(
      forbidden(`${path}.additionalProperties`, 'additionalProperties and properties are mutual exclusive'),
    );
  for (const name of UNSUPPORTED)
    if (schema[name] !== undefined) errors.push(forbidden(`${path}.${name}`, `${name} is not supported`));
  if (schema['$ref'] !== undefined) errors.push(forbidden(`${path}.$ref`, '$ref is not supported'));
  if (type !== '' && !TYPES.includes(type)) errors.push(notSupported(`${path}.type`, type, TYPES));
  if (type === 'null')
    errors.push(forbidden(`${path}.type`, 'type cannot be set to null, use nullable as an alternative'));
  if (Array.isArray(schema['items']))
    errors.push(forbidden(`${path}.items`, 'items must be a schema object and not an array'));
  else if (type === 'array' && schema['items'] === undefined)
    errors.push(required(`${path}.items`, 'must be specified'));
  const pattern = schema['pattern'];
  const regex = typeof pattern === 'string' && pattern !== '' ? compileRegex(pattern) : undefined;
  if (typeof regex === 'string')
    errors.push(
      invalid(`${path}.pattern`, pattern, `must be a valid regular expression, but isn't: ${regex}`),
    );
  append(errors, checkListType(schema, type, path));
  for (const [child, at] of below(schema, path)) append(errors, checkSupported(child, at, depth + 1));
  return errors;
}

interface MetadataPlace {
  readonly path: string;
  readonly isRoot: boolean;
  /** Below the kind, the version or the metadata of an object. */
  readonly inMetadata: boolean;
  /** Where defaults are not allowed: what upstream says of the place. */
  readonly noDefaults: string | undefined;
  readonly depth: number;
}

/** The metadata of an object that comes is filled in by nobody else, and holds no other objects. */
function checkMetadata(schema: Node, place: MetadataPlace): FieldErrors {
  const { path, isRoot, inMetadata, noDefaults, depth } = place;
  if (depth > MAX_SCHEMA_DEPTH) return [];
  const errors: FieldErrors = [];
  const isEmbedded = schema['x-kubernetes-embedded-resource'] === true;
  if (noDefaults !== undefined && !isAbsent(schema['default']))
    errors.push(forbidden(`${path}.default`, `must not be set ${noDefaults}`));
  if (inMetadata && isEmbedded)
    errors.push(
      forbidden(`${path}.x-kubernetes-embedded-resource`, 'must not be used inside of resource meta'),
    );
  const go = (inner: unknown, at: string, change: Partial<MetadataPlace>): void => {
    if (!isRecord(inner)) return;
    const next = { ...place, isRoot: false, depth: depth + 1, path: `${path}.${at}`, ...change };
    append(errors, checkMetadata(inner, next));
  };
  const inMap = inMetadata ? 'inside additionalProperties applying to object metadata' : noDefaults;
  go(schema['additionalProperties'], 'additionalProperties', { noDefaults: inMap });
  go(schema['items'], 'items', {});
  for (const [name, member] of sorted(schema['properties'])) {
    const isOfObject = (isRoot || isEmbedded) && OBJECT_FIELDS.has(name);
    go(member, `properties[${name}]`, {
      ...(isOfObject ? { inMetadata: true } : {}),
      ...(isOfObject && isRoot ? { noDefaults: `in top-level ${name}` } : {}),
    });
  }
  return errors;
}

type Level = 'root' | 'item' | 'field';

const NEEDS_TYPE: Readonly<Record<Level, string>> = {
  root: 'must not be empty at the root',
  item: 'must not be empty for specified array items',
  field: 'must not be empty for specified object fields',
};

/** Children first, as upstream reports. */
function checkStructural(schema: Node, level: Level, path: string, depth: number): FieldErrors {
  if (depth > MAX_SCHEMA_DEPTH) return [];
  const errors: FieldErrors = [];
  const { items, additionalProperties } = schema;
  if (isRecord(items)) append(errors, checkStructural(items, 'item', `${path}.items`, depth + 1));
  for (const [name, member] of sorted(schema['properties']))
    append(errors, checkStructural(asRecord(member), 'field', `${path}.properties[${name}]`, depth + 1));
  if (isRecord(additionalProperties))
    append(errors, checkStructural(additionalProperties, 'field', `${path}.additionalProperties`, depth + 1));
  if (level === 'root' && !isAbsent(additionalProperties))
    errors.push(forbidden(`${path}.additionalProperties`, 'must not be used at the root'));
  const type = asString(schema['type']);
  const embedded = schema['x-kubernetes-embedded-resource'] === true;
  const free = schema['x-kubernetes-preserve-unknown-fields'] === true;
  const intOrString = schema['x-kubernetes-int-or-string'] === true;
  append(errors, checkExtensions(schema, path));
  append(errors, checkLogic(schema, path));
  if (embedded && type !== 'object')
    errors.push(
      type === ''
        ? required(`${path}.type`, 'must be object if x-kubernetes-embedded-resource is true')
        : invalid(`${path}.type`, type, 'must be object if x-kubernetes-embedded-resource is true'),
    );
  else if (type === '' && !intOrString && !free) errors.push(required(`${path}.type`, NEEDS_TYPE[level]));
  if (embedded && !isAbsent(additionalProperties))
    errors.push(
      forbidden(`${path}.additionalProperties`, 'must not be used if x-kubernetes-embedded-resource is set'),
    );
  if (level === 'root' && type !== '' && type !== 'object')
    errors.push(invalid(`${path}.type`, type, 'must be object at the root'));
  const members = asRecord(schema['properties']);
  if (level === 'root' || embedded) append(errors, checkObjectMembers(members, level === 'root', path));
  if (embedded && !free && Object.keys(members).length === 0)
    errors.push(
      required(
        `${path}.properties`,
        'must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields',
      ),
    );
  return errors;
}

function checkExtensions(schema: Node, path: string): FieldErrors {
  const errors: FieldErrors = [];
  const set = (name: string): boolean => schema[`x-kubernetes-${name}`] === true;
  if (schema['x-kubernetes-preserve-unknown-fields'] === false)
    errors.push(invalid(`${path}.x-kubernetes-preserve-unknown-fields`, false, 'must be true or undefined'));
  if (set('int-or-string')) {
    for (const other of ['preserve-unknown-fields', 'embedded-resource'])
      if (set(other))
        errors.push(
          invalid(
            `${path}.x-kubernetes-${other}`,
            true,
            'must be false if x-kubernetes-int-or-string is true',
          ),
        );
  }
  return errors;
}

/** API objects have kind and version as text, and the schema restricts only names of metadata. */
function checkObjectMembers(members: Node, isRoot: boolean, path: string): FieldErrors {
  const errors: FieldErrors = [];
  for (const name of ['kind', 'apiVersion']) {
    const type = Object.hasOwn(members, name) ? asRecord(members[name])['type'] : 'string';
    if (type !== 'string')
      errors.push(invalid(`${path}.properties[${name}].type`, asString(type), 'must be string'));
  }
  if (!Object.hasOwn(members, 'metadata')) return errors;
  const metadata = asRecord(members['metadata']);
  const at = `${path}.properties[metadata]`;
  if (metadata['type'] !== 'object')
    errors.push(invalid(`${at}.type`, asString(metadata['type']), 'must be object'));
  // Its default is refused apart.
  const allowed = new Set(['type', 'properties', 'default']);
  const names = Object.keys(asRecord(metadata['properties']));
  const plain =
    Object.keys(metadata).every((key) => allowed.has(key)) &&
    names.every((name) => name === 'name' || name === 'generateName');
  if (isRoot && !plain)
    errors.push(
      forbidden(
        at,
        'must not specify anything other than name and generateName, but metadata is implicitly specified',
      ),
    );
  return errors;
}

/** Defaults fit the schema that they are defaults of. */
function checkDefaults(schema: StructuralSchema, path: string, depth: number): FieldErrors {
  if (depth > MAX_SCHEMA_DEPTH) return [];
  const errors: FieldErrors = [];
  const { default: value } = schema;
  if (value !== undefined) {
    const embedded = schema['x-kubernetes-embedded-resource'] === true;
    const { unknownFields } = prune(schema, value, embedded);
    if (unknownFields.length > 0)
      errors.push(invalid(`${path}.default`, value, 'must not have unknown fields'));
    const at = `${path}.default`;
    const wrong = validateValue(schema, value, at);
    // A default has no name of its own in these texts.
    append(
      errors,
      wrong.map((error) => ({ ...error, detail: error.detail.replace(at, '') })),
    );
    if (wrong.length === 0)
      append(errors, evaluateRules({ schema, value, old: undefined, path: at, isRoot: embedded }));
  }
  // Upstream does not look at the defaults of a map's members.
  const { items, properties } = schema;
  if (isRecord(items)) append(errors, checkDefaults(items, `${path}.items`, depth + 1));
  for (const [name, member] of sorted(properties))
    append(errors, checkDefaults(asRecord(member), `${path}.properties[${name}]`, depth + 1));
  return errors;
}
