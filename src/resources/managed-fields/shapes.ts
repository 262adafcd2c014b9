/**
 * How a value is owned, by its schema: as a whole (leaf), field by field (map), or item by item
 * (list). Sources: `x-kubernetes-map-type`, `x-kubernetes-list-type`, and the merge strategies
 * where those are absent.
 */
import { isRecord, ownMember } from '../../base/json.ts';
import { patchMeta, type TypeSchema, type TypeSchemas } from '../decoding/type-schemas.ts';

export type Shape =
  | { readonly type: 'leaf' }
  | {
      readonly type: 'map';
      field(name: string): TypeSchema | undefined;
      /** Whether the schema names this field (or it is a key like any other). */
      named(name: string): boolean;
    }
  | { readonly type: 'list'; readonly items: TypeSchema | undefined; elementOf(item: unknown): string };

export type ListShape = Extract<Shape, { type: 'list' }>;

const LEAF: Shape = { type: 'leaf' };
const FREE_MAP: Shape = { type: 'map', field: () => undefined, named: () => false };
/** Types that JSON shows as objects or text but that are one value. */
const WHOLE = /\.(Quantity|IntOrString|Time|MicroTime|RawExtension|FieldsV1)$/;

export function shapeOf(schemas: TypeSchemas, node: TypeSchema | undefined, value: unknown): Shape {
  // Null takes whatever shape the schema has.
  if (node === undefined) return isRecord(value) ? FREE_MAP : LEAF;
  const { name, schema } = schemas.resolve(node);
  if (name !== undefined && WHOLE.test(name)) return LEAF;
  if (schema.type === 'array')
    return value === null || Array.isArray(value) ? listShape(schemas, node, schema) : LEAF;
  const isMap = schema.type === 'object' || schema.properties !== undefined;
  const atomic = (node['x-kubernetes-map-type'] ?? schema['x-kubernetes-map-type']) === 'atomic';
  if (!isMap) return schema.type === undefined && isRecord(value) ? FREE_MAP : LEAF;
  if (atomic || (value !== null && !isRecord(value))) return LEAF;
  const { properties } = schema;
  return {
    type: 'map',
    field: (field) => schemas.field(node, field),
    named: (field) => properties !== undefined && Object.hasOwn(properties, field),
  };
}

function listShape(schemas: TypeSchemas, node: TypeSchema, schema: TypeSchema): Shape {
  const { items } = schema;
  const keys = keysOf(node, schema);
  if (keys === undefined) return LEAF;
  if (keys.length === 0) return { type: 'list', items, elementOf: (item) => `v:${JSON.stringify(item)}` };
  const sorted = [...keys].sort();
  return {
    type: 'list',
    items,
    elementOf(item) {
      const record = isRecord(item) ? item : {};
      const values = sorted.flatMap((key) => {
        const fallback = items && schemas.field(items, key)?.['default'];
        const value = ownMember(record, key) ?? fallback;
        return value === undefined ? [] : [[key, value] as const];
      });
      return `k:${JSON.stringify(Object.fromEntries(values))}`;
    },
  };
}

/** Undefined: the list is one value. Empty: a set of values. */
function keysOf(node: TypeSchema, schema: TypeSchema): readonly string[] | undefined {
  const type = node['x-kubernetes-list-type'] ?? schema['x-kubernetes-list-type'];
  if (type === 'set') return [];
  if (type === 'map') {
    const keys = node['x-kubernetes-list-map-keys'] ?? schema['x-kubernetes-list-map-keys'];
    return Array.isArray(keys) ? keys.map(String) : undefined;
  }
  if (type !== undefined) return undefined;
  const { strategies, mergeKey } = patchMeta(node);
  if (!strategies.includes('merge')) return undefined;
  return mergeKey === undefined ? [] : [mergeKey];
}
