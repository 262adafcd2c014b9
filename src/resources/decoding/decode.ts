/**
 * From parsed JSON to an object of a kind: the checks that a typed decoder makes before
 * validation.
 *
 * Unknown fields are removed and reported (the caller decides between an error, a warning and
 * silence), `null` counts as absent, and a value of the wrong type is a 400 in the words of Go's
 * decoder, which clients show to people.
 */
import { isRecord, setMember } from '../../base/json.ts';
import { decodeTime } from './decode-time.ts';
import { QUANTITY_MESSAGES, readQuantity } from '../../schemas/values/quantity.ts';
import { checkItems, MAX_STRICT_FINDINGS } from './body-limits.ts';
import type { ResolvedSchema, TypeSchema, TypeSchemas } from './type-schemas.ts';

export interface Decoded {
  readonly value: Record<string, unknown>;
  /** Paths of fields that the kind does not have, in the order of their appearance. */
  readonly unknownFields: readonly string[];
  /** The first value of a wrong type, in the decoder's words. */
  readonly typeError: string | undefined;
}

/** Deeper nesting than any real manifest; bounds the recursion on hostile input. */
const MAX_DEPTH = 100;

interface Context {
  readonly schemas: TypeSchemas;
  readonly unknown: string[];
  error: string | undefined;
}

interface Place {
  /** The struct whose field is being read, for messages: `PodSpec`. */
  readonly struct: string;
  /** With indices, for unknown fields: `spec.containers[0]`. */
  readonly path: string;
  /** Without indices, as Go's messages have it: `spec.containers`. */
  readonly goPath: string;
  readonly depth: number;
}

export function decodeObject(
  schemas: TypeSchemas,
  root: ResolvedSchema,
  input: Record<string, unknown>,
): Decoded {
  const context: Context = { schemas, unknown: [], error: undefined };
  const value = decodeStruct(context, root, input, {
    struct: structName(root.name),
    path: '',
    goPath: '',
    depth: 0,
  });
  return { value, unknownFields: context.unknown, typeError: context.error };
}

function decodeStruct(
  context: Context,
  { name, schema }: ResolvedSchema,
  input: Record<string, unknown>,
  place: Place,
): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  const struct = name === undefined ? place.struct : structName(name);
  for (const [key, member] of Object.entries(input)) {
    const field =
      schema.properties && Object.hasOwn(schema.properties, key) ? schema.properties[key] : undefined;
    // Most members are such: they need no place for messages.
    if (field && typeof member === context.schemas.resolve(field).taken) {
      setMember(result, key, member);
      continue;
    }
    const path = place.path === '' ? key : `${place.path}.${key}`;
    if (!field) {
      if (context.unknown.length < MAX_STRICT_FINDINGS) context.unknown.push(path);
      continue;
    }
    if (member === null) continue;
    const goPath = place.goPath === '' ? key : `${place.goPath}.${key}`;
    const value = decodeValue(context, field, member, { struct, path, goPath, depth: place.depth + 1 });
    setMember(result, key, value);
  }
  return result;
}

function decodeValue(context: Context, node: TypeSchema, value: unknown, place: Place): unknown {
  if (context.error !== undefined || place.depth > MAX_DEPTH) return value;
  const resolved = context.schemas.resolve(node);
  const { schema } = resolved;
  if (isIntOrString(resolved)) {
    return typeof value === 'string' || isInteger(value, 'int32')
      ? value
      : wrong(context, node, value, place);
  }
  if (isQuantity(resolved)) {
    const quantity = readQuantity(value);
    if (typeof quantity === 'string') context.error ??= QUANTITY_MESSAGES[quantity];
    return value;
  }
  if (isRawObject(resolved)) return value;
  switch (schema.type) {
    case 'string':
      return typeof value === 'string'
        ? decodeText(context, schema, value, resolved.name)
        : wrong(context, node, value, place);
    case 'boolean':
      return typeof value === 'boolean' ? value : wrong(context, node, value, place);
    case 'integer':
      return isInteger(value, schema.format) ? value : wrong(context, node, value, place);
    case 'number':
      return typeof value === 'number' ? value : wrong(context, node, value, place);
    case 'array': {
      if (!Array.isArray(value)) return wrong(context, node, value, place);
      const items = schema.items ?? {};
      checkItems(value.length, context.schemas.resolve(items).name, place.path);
      return value.map((item: unknown, index) =>
        item === null ? nullItem(context, items) : decodeValue(context, items, item, at(place, index)),
      );
    }
    case 'object':
      break;
    default:
      return value;
  }
  if (!isRecord(value)) return wrong(context, node, value, place);
  if (schema.properties && schema['x-kubernetes-preserve-unknown-fields'] !== true)
    return decodeStruct(context, resolved, value, place);
  const { additionalProperties } = schema;
  if (typeof additionalProperties !== 'object') return value;
  const result: Record<string, unknown> = {};
  for (const [key, member] of Object.entries(value)) {
    const inner = { ...place, path: `${place.path}.${key}`, depth: place.depth + 1 };
    const decoded =
      member === null
        ? nullItem(context, additionalProperties)
        : decodeValue(context, additionalProperties, member, inner);
    setMember(result, key, decoded);
  }
  return result;
}

function wrong(context: Context, node: TypeSchema, value: unknown, place: Place): unknown {
  context.error ??= mismatch(context.schemas, node, value, place);
  return value;
}

/** A null where a value must stand is that type's zero value. */
function nullItem(context: Context, node: TypeSchema): unknown {
  const resolved = context.schemas.resolve(node);
  if (isQuantity(resolved)) return '0';
  switch (resolved.schema.type) {
    case 'string':
      return '';
    case 'integer':
    case 'number':
      return 0;
    case 'boolean':
      return false;
    case 'array':
      return [];
    default:
      return {};
  }
}

const at = (place: Place, index: number): Place => ({
  ...place,
  path: `${place.path}[${index}]`,
  depth: place.depth + 1,
});

const LIMITS: Readonly<Record<string, number>> = { int32: 2 ** 31, int64: 2 ** 63 };

function isInteger(value: unknown, format: string | undefined): boolean {
  if (typeof value !== 'number' || !Number.isInteger(value)) return false;
  const limit = LIMITS[format ?? 'int64'] ?? 2 ** 63;
  return value >= -limit && value < limit;
}

const isIntOrString = ({ name, schema }: ResolvedSchema): boolean =>
  schema.format === 'int-or-string' || (name ?? '').endsWith('.IntOrString');
/** Kept as it comes; validation says what it must be. */
const isRawObject = ({ name }: ResolvedSchema): boolean => (name ?? '').endsWith('.RawExtension');
const isQuantity = ({ name }: ResolvedSchema): boolean => (name ?? '').endsWith('.Quantity');

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

function decodeText(context: Context, schema: TypeSchema, value: string, name: string | undefined): string {
  if (schema.format === 'date-time') {
    const decoded = decodeTime(value, (name ?? '').endsWith('.MicroTime'));
    if ('time' in decoded) return decoded.time;
    context.error ??= decoded.error;
  }
  if (schema.format === 'byte') {
    const compact = value.replaceAll(/[\r\n]/g, '');
    if (!BASE64.test(compact) || compact.length % 4 !== 0)
      context.error ??= `illegal base64 data at input byte ${firstIllegalByte(compact)}`;
  }
  return value;
}

/** Go names the byte, counted from the start of the quantum for a premature end. */
function firstIllegalByte(text: string): number {
  const index = text.search(/[^A-Za-z0-9+/]/);
  return index < 0 ? text.length - (text.length % 4) : index;
}

function mismatch(schemas: TypeSchemas, node: TypeSchema, value: unknown, place: Place): string {
  const target = goType(schemas, node);
  const overflow = typeof value === 'number' && /^(int|float)\d+$/.test(target) ? ` ${value}` : '';
  return `json: cannot unmarshal ${goKind(value)}${overflow} into Go struct field ${place.struct}.${place.goPath} of type ${target}`;
}

export function goKind(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'boolean') return 'bool';
  return value === null ? 'null' : typeof value;
}

function goType(schemas: TypeSchemas, node: TypeSchema): string {
  const resolved = schemas.resolve(node);
  const { name, schema } = resolved;
  // These decode themselves, by way of a plain type.
  if (isIntOrString(resolved)) return 'int32';
  if (schema.format === 'date-time') return 'string';
  if (name !== undefined) return qualified(name);
  switch (schema.type) {
    case 'array':
      return `[]${schema.items ? goType(schemas, schema.items) : 'interface {}'}`;
    case 'object': {
      const inner = schema.additionalProperties;
      if (typeof inner === 'object' && isQuantity(schemas.resolve(inner))) return 'v1.ResourceList';
      return `map[string]${typeof inner === 'object' ? goType(schemas, inner) : 'interface {}'}`;
    }
    case 'boolean':
      return 'bool';
    case 'integer':
      return schema.format ?? 'int64';
    case 'number':
      return 'float64';
    default:
      return schema.format === 'byte' ? '[]uint8' : 'string';
  }
}

/** `io.k8s.api.core.v1.PodSpec` → `PodSpec`. */
function structName(name: string | undefined): string {
  return name?.slice(name.lastIndexOf('.') + 1) ?? '';
}

/** `io.k8s.api.core.v1.Container` → `v1.Container`. */
const qualified = (name: string): string => name.split('.').slice(-2).join('.');
