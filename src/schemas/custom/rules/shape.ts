/**
 * The view that expressions have of a structural schema: a type, and the conversion of its values.
 * They do not see members that CEL cannot name, nor data that no schema describes. A value is
 * converted when it is read.
 */
import { isRecord, ownMember } from '../../../base/json.ts';
import {
  BOOL,
  type CelType,
  durationOf,
  DYN,
  EvaluationError,
  INT,
  keyText,
  type ListForm,
  listOf,
  mapOf,
  parseDuration,
  parseTimestamp,
  simpleType,
  STRING,
  type Value,
} from '../../cel/index.ts';
import { isEmbedded, MAX_SCHEMA_DEPTH, type StructuralSchema } from '../structural-schema.ts';
import { escapeName } from './escape.ts';

export interface Shape {
  readonly type: CelType;
  see(raw: unknown): Value;
  /** Its conversion is expensive, so the result is kept: a rule may read it a thousand times. */
  readonly isDear?: true;
}

const TEXT: StructuralSchema = { type: 'string' };

/** The members that every object of the API has, whether or not its schema names them. */
function withObjectFields(schema: StructuralSchema): StructuralSchema {
  const metadata: StructuralSchema = { type: 'object', properties: { name: TEXT, generateName: TEXT } };
  return { ...schema, properties: { ...schema.properties, apiVersion: TEXT, kind: TEXT, metadata } };
}

/** Undefined for data that expressions do not see. `name` tells types of objects apart. */
export function shapeOf(
  schema: StructuralSchema,
  isRoot: boolean,
  name = 'object',
  depth = 0,
): Shape | undefined {
  if (depth > MAX_SCHEMA_DEPTH) return undefined;
  if (schema['x-kubernetes-int-or-string'] === true) return { type: DYN, see: seeAny };
  switch (schema.type) {
    case 'array':
      return listShape(schema, name, depth);
    case 'object':
      return isRecord(schema.additionalProperties)
        ? mapShape(schema.additionalProperties, name, depth)
        : objectShape(isRoot ? withObjectFields(schema) : schema, name, depth);
    case 'string':
      return ownMember(TEXT_SHAPES, schema.format ?? '') ?? TEXT_SHAPE;
    case 'boolean':
      return { type: BOOL, see: seeAny };
    case 'integer':
      return { type: INT, see: (raw) => (typeof raw === 'number' ? BigInt(Math.trunc(raw)) : seeAny(raw)) };
    case 'number':
      return { type: simpleType('double'), see: (raw) => (typeof raw === 'number' ? raw : seeAny(raw)) };
    default:
      return undefined;
  }
}

/** Scalars as they are; whole numbers are ints. */
function seeAny(raw: unknown): Value {
  if (typeof raw === 'number') return Number.isInteger(raw) ? BigInt(raw) : raw;
  if (raw === null || raw === undefined) return null;
  if (typeof raw === 'string' || typeof raw === 'boolean') return raw;
  throw new EvaluationError('invalid data, expected a scalar');
}

const TEXT_SHAPE: Shape = { type: STRING, see: seeAny };

function textShape(type: CelType, format: string, read: (text: string) => Value | undefined): Shape {
  return {
    type,
    isDear: true,
    see(raw) {
      if (typeof raw !== 'string') return seeAny(raw);
      const value = read(raw);
      if (value === undefined) throw new EvaluationError(`invalid data, expected ${format}`);
      return value;
    },
  };
}

const TEXT_SHAPES: Readonly<Record<string, Shape>> = {
  byte: textShape(simpleType('bytes'), 'base64', (text) => ({
    kind: 'bytes',
    bytes: Buffer.from(text, 'base64'),
  })),
  date: textShape(simpleType('timestamp'), 'a date', (text) => parseTimestamp(`${text}T00:00:00Z`)),
  'date-time': textShape(simpleType('timestamp'), 'a date-time', (text) =>
    parseTimestamp(text.toUpperCase()),
  ),
  duration: textShape(simpleType('duration'), 'a duration', parseLooseDuration),
};

const MAX_DURATION_TEXT = 128;

/** Go's durations, and the long words that the format allows besides. */
function parseLooseDuration(text: string): Value | undefined {
  if (text.length > MAX_DURATION_TEXT) return undefined;
  const plain = parseDuration(text.replaceAll(' ', ''));
  if (plain) return plain;
  const match = /^(\d+)\s*(d|days?|w|weeks?|h(?:ou)?rs?|min(?:ute)?s?|sec(?:ond)?s?)$/.exec(text);
  if (!match) return undefined;
  const unit = { d: 86_400n, w: 604_800n, h: 3600n, m: 60n, s: 1n }[match[2]?.charAt(0) ?? ''] ?? 0n;
  return durationOf(BigInt(match[1] ?? 0) * unit * 1_000_000_000n);
}

function listShape(schema: StructuralSchema, name: string, depth: number): Shape | undefined {
  const { items } = schema;
  const inner = isRecord(items) ? shapeOf(items, isEmbedded(items), `${name}.@items`, depth + 1) : undefined;
  if (!inner) return undefined;
  const form = formOf(schema);
  return {
    type: listOf(inner.type),
    isDear: true,
    see(raw) {
      if (!Array.isArray(raw)) return seeAny(raw);
      const list = raw as readonly unknown[];
      const at = keeping<number>(inner, (index) => list[index]);
      const value = { kind: 'list' as const, size: list.length, at };
      return form ? { ...value, form } : value;
    },
  };
}

/** Converts members of a list or a map, the expensive ones once. */
function keeping<K>(shape: Shape, raw: (key: K) => unknown): (key: K) => Value {
  if (!shape.isDear) return (key) => shape.see(raw(key));
  const seen = new Map<K, Value>();
  return (key) => {
    const known = seen.get(key) ?? shape.see(raw(key));
    seen.set(key, known);
    return known;
  };
}

function formOf(schema: StructuralSchema): ListForm | undefined {
  const type = schema['x-kubernetes-list-type'];
  if (type === 'set') return { type };
  if (type !== 'map') return undefined;
  const keys = (schema['x-kubernetes-list-map-keys'] ?? []).map((key) => escapeName(key) ?? key);
  return {
    type,
    keyOf(item) {
      const map = item !== null && typeof item === 'object' && item.kind === 'map' ? item : undefined;
      return JSON.stringify(keys.map((key) => keyText(map?.get(key) ?? null) ?? ''));
    },
  };
}

function mapShape(members: StructuralSchema, name: string, depth: number): Shape | undefined {
  const inner = shapeOf(members, isEmbedded(members), `${name}.@values`, depth + 1);
  if (!inner) return undefined;
  return {
    type: mapOf(STRING, inner.type),
    isDear: true,
    see(raw) {
      if (!isRecord(raw)) return seeAny(raw);
      const keys = Object.keys(raw);
      const member = keeping<string>(inner, (key) => raw[key]);
      return {
        kind: 'map',
        size: keys.length,
        keys: () => keys,
        get: (key) => (typeof key === 'string' && Object.hasOwn(raw, key) ? member(key) : undefined),
      };
    },
  };
}

function objectShape(schema: StructuralSchema, name: string, depth: number): Shape {
  const fields = new Map<string, { readonly property: string; readonly shape: Shape }>();
  for (const [property, member] of Object.entries(schema.properties ?? {})) {
    const escaped = escapeName(property);
    const shape = shapeOf(member, isEmbedded(member), `${name}.${property}`, depth + 1);
    if (escaped !== undefined && shape) fields.set(escaped, { property, shape });
  }
  return {
    type: {
      kind: 'object',
      name,
      fields: new Map([...fields].map(([field, { shape }]) => [field, shape.type])),
    },
    isDear: true,
    see(raw) {
      if (!isRecord(raw)) return seeAny(raw);
      const seen = new Map<string, Value>();
      const member = (property: string, shape: Shape): Value => {
        if (!shape.isDear) return shape.see(raw[property]);
        const known = seen.get(property) ?? shape.see(raw[property]);
        seen.set(property, known);
        return known;
      };
      const present = (): string[] =>
        [...fields].flatMap(([field, { property }]) => (Object.hasOwn(raw, property) ? [field] : []));
      return {
        kind: 'map',
        isObject: true,
        get size() {
          return present().length;
        },
        keys: present,
        get(key) {
          const field = typeof key === 'string' ? fields.get(key) : undefined;
          return field && Object.hasOwn(raw, field.property)
            ? member(field.property, field.shape)
            : undefined;
        },
      };
    },
  };
}
