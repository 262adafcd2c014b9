/**
 * Removes members that the schema of a custom resource does not name, as upstream does on every
 * write and read. Where unknown fields are preserved, the named ones among them are still pruned
 * inside. The input itself comes back where nothing is taken.
 */
import { isRecord, setMember } from '../../base/json.ts';
import {
  isEmbedded,
  keepsUnknown,
  MAX_SCHEMA_DEPTH,
  memberSchema,
  OBJECT_FIELDS,
  type StructuralSchema,
} from './structural-schema.ts';

/** Unknown fields that are reported: upstream's limit. */
const MAX_UNKNOWN_FIELDS = 100;

export interface Pruned<T> {
  readonly value: T;
  /** Paths of the removed members, in the order of appearance: `spec.items[0].colour`. */
  readonly unknownFields: readonly string[];
}

/** `root`: whether the value is an API object, whose kind, version and metadata are known. */
export function prune<T>(schema: StructuralSchema, value: T, root = true): Pruned<T> {
  const unknownFields: string[] = [];
  const kept = pruneAt(schema, value, root, '', unknownFields, 0);
  return { value: kept as T, unknownFields };
}

function pruneAt(
  schema: StructuralSchema,
  value: unknown,
  isObject: boolean,
  path: string,
  unknown: string[],
  depth: number,
): unknown {
  if (depth > MAX_SCHEMA_DEPTH) return value;
  if (Array.isArray(value)) {
    const { items } = schema;
    if (!isRecord(items)) return value;
    const list = value as unknown[];
    const next = list.map((item, index) =>
      pruneAt(items, item, isEmbedded(items), `${path}[${index}]`, unknown, depth + 1),
    );
    return next.some((item, index) => item !== list[index]) ? next : value;
  }
  if (!isRecord(value)) return value;
  const result: Record<string, unknown> = {};
  let changed = false;
  for (const [name, member] of Object.entries(value)) {
    const at = path === '' ? name : `${path}.${name}`;
    if (isObject && OBJECT_FIELDS.has(name)) {
      setMember(result, name, member);
      continue;
    }
    const inner = memberSchema(schema, name);
    if (inner) {
      const next = pruneAt(inner, member, isEmbedded(inner), at, unknown, depth + 1);
      if (next !== member) changed = true;
      setMember(result, name, next);
    } else if (keepsUnknown(schema) || schema.additionalProperties === true) setMember(result, name, member);
    else {
      changed = true;
      if (unknown.length < MAX_UNKNOWN_FIELDS) unknown.push(at);
    }
  }
  return changed ? result : value;
}
