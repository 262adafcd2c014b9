/**
 * The schema of a custom resource as its definition carries it (`openAPIV3Schema`): the subset of
 * JSON Schema that upstream calls structural. Read without trust: what is not of the expected type
 * counts as absent (validate-schema.ts complains).
 */
import { isRecord, setMember } from '../../base/json.ts';
import { words } from '../../base/words.ts';

export interface StructuralSchema {
  readonly type?: string;
  readonly format?: string;
  readonly nullable?: boolean;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: boolean;
  readonly exclusiveMaximum?: boolean;
  readonly multipleOf?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly uniqueItems?: boolean;
  readonly minProperties?: number;
  readonly maxProperties?: number;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, StructuralSchema>>;
  readonly additionalProperties?: StructuralSchema | boolean;
  readonly items?: StructuralSchema;
  readonly allOf?: readonly StructuralSchema[];
  readonly anyOf?: readonly StructuralSchema[];
  readonly oneOf?: readonly StructuralSchema[];
  readonly not?: StructuralSchema;
  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean;
  readonly 'x-kubernetes-embedded-resource'?: boolean;
  readonly 'x-kubernetes-int-or-string'?: boolean;
  readonly 'x-kubernetes-list-type'?: string;
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
  readonly 'x-kubernetes-map-type'?: string;
  readonly 'x-kubernetes-validations'?: readonly unknown[];
  readonly [extension: string]: unknown;
}

/** Real schemas nest some thirty levels; the server's own limit cuts deeper objects off. */
export const MAX_SCHEMA_DEPTH = 100;

/** The members of every object, whatever the schema says. */
export const OBJECT_FIELDS: ReadonlySet<string> = new Set(['apiVersion', 'kind', 'metadata']);

/** The schema of a member: `properties` first, then `additionalProperties`. */
export function memberSchema(schema: StructuralSchema, name: string): StructuralSchema | undefined {
  const { properties, additionalProperties } = schema;
  if (isRecord(properties) && Object.hasOwn(properties, name)) return properties[name];
  return isRecord(additionalProperties) ? additionalProperties : undefined;
}

export const keepsUnknown = (schema: StructuralSchema): boolean =>
  schema['x-kubernetes-preserve-unknown-fields'] === true;
export const isEmbedded = (schema: StructuralSchema): boolean =>
  schema['x-kubernetes-embedded-resource'] === true;

/** Whether any part of the schema has rules in CEL. */
export function hasRules(schema: unknown, depth = 0): boolean {
  if (depth > MAX_SCHEMA_DEPTH) return false;
  if (Array.isArray(schema)) return schema.some((item) => hasRules(item, depth + 1));
  if (!isRecord(schema)) return false;
  const rules = schema['x-kubernetes-validations'];
  if (Array.isArray(rules) && rules.length > 0) return true;
  for (const key in schema) if (key !== 'default' && hasRules(schema[key], depth + 1)) return true;
  return false;
}

type Read = (value: unknown, depth: number) => unknown;

const ofType =
  (type: 'string' | 'number' | 'boolean'): Read =>
  (value) =>
    typeof value === type ? value : undefined;
const texts: Read = (value) =>
  Array.isArray(value) ? value.filter((item) => typeof item === 'string') : undefined;
const list: Read = (value) => (Array.isArray(value) ? value : undefined);
const inner: Read = (value, depth) => (isRecord(value) ? readAt(value, depth + 1) : undefined);
const inners: Read = (value, depth) =>
  Array.isArray(value) ? value.filter(isRecord).map((item) => readAt(item, depth + 1)) : undefined;
const members: Read = (value, depth) => {
  if (!isRecord(value)) return undefined;
  const result: Record<string, unknown> = {};
  for (const [name, member] of Object.entries(value))
    if (isRecord(member)) setMember(result, name, readAt(member, depth + 1));
  return result;
};

const READERS: ReadonlyMap<string, Read> = new Map<string, Read>([
  ...['type', 'format', 'pattern', 'x-kubernetes-list-type', 'x-kubernetes-map-type'].map(
    (name) => [name, ofType('string')] as const,
  ),
  ...words(
    'minimum maximum multipleOf minLength maxLength minItems maxItems minProperties maxProperties',
  ).map((name) => [name, ofType('number')] as const),
  ...words(`
    nullable exclusiveMinimum exclusiveMaximum uniqueItems x-kubernetes-preserve-unknown-fields
    x-kubernetes-embedded-resource x-kubernetes-int-or-string
  `).map((name) => [name, ofType('boolean')] as const),
  ['required', texts],
  ['x-kubernetes-list-map-keys', texts],
  ['enum', list],
  ['x-kubernetes-validations', list],
  ['properties', members],
  ['additionalProperties', (value, depth) => (typeof value === 'boolean' ? value : inner(value, depth))],
  ['items', inner],
  ['not', inner],
  ['allOf', inners],
  ['anyOf', inners],
  ['oneOf', inners],
]);

/** Schemas are large, never changed, and read by everything that looks at their definition. */
const known = new WeakMap<object, StructuralSchema>();

/** Any JSON as a schema: members of the wrong type are left out, so that readers are total. */
export function readSchema(value: unknown): StructuralSchema {
  if (!isRecord(value)) return {};
  let schema = known.get(value);
  if (!schema) known.set(value, (schema = readAt(value, 0)));
  return schema;
}

function readAt(value: Record<string, unknown>, depth: number): StructuralSchema {
  if (depth > MAX_SCHEMA_DEPTH) return {};
  const result: Record<string, unknown> = {};
  for (const [name, member] of Object.entries(value)) {
    const reader = READERS.get(name);
    const read = reader ? reader(member, depth) : member;
    if (read !== undefined) setMember(result, name, read);
  }
  return result;
}
