/**
 * Fills in the defaults of a structural schema. A member that is null where null is not allowed
 * counts as absent: it gets its default or goes (kubernetes.io, "Defaulting and Nullable"); a null
 * in a list stays where there is no default. The input itself comes back where nothing is missing.
 */
import { isRecord, jsonClone, setMember } from '../../base/json.ts';
import { MAX_SCHEMA_DEPTH, memberSchema, type StructuralSchema } from './structural-schema.ts';

export function fillDefaults<T>(schema: StructuralSchema, value: T): T {
  return fillAt(schema, value, 0) as T;
}

function fillAt(schema: StructuralSchema, value: unknown, depth: number): unknown {
  if (depth > MAX_SCHEMA_DEPTH) return value;
  if (Array.isArray(value)) {
    const { items } = schema;
    if (!isRecord(items)) return value;
    const list = value as unknown[];
    const next = list.map((item) =>
      fillAt(items, isReplaceableNull(item, items) ? jsonClone(items.default) : item, depth + 1),
    );
    return next.some((item, index) => item !== list[index]) ? next : value;
  }
  if (!isRecord(value)) return value;
  let result: Record<string, unknown> | undefined;
  const set = (name: string, next: unknown): void => {
    result ??= { ...value };
    setMember(result, name, next);
  };
  for (const [name, member] of Object.entries(value)) {
    const inner = memberSchema(schema, name);
    if (!inner) continue;
    if (isNull(member, inner) && inner.default === undefined) {
      result ??= { ...value };
      Reflect.deleteProperty(result, name);
      continue;
    }
    const given = isReplaceableNull(member, inner) ? jsonClone(inner.default) : member;
    const next = fillAt(inner, given, depth + 1);
    if (next !== member) set(name, next);
  }
  for (const [name, inner] of Object.entries(isRecord(schema.properties) ? schema.properties : {})) {
    if (Object.hasOwn(value, name) || !isRecord(inner) || inner.default === undefined) continue;
    set(name, fillAt(inner, jsonClone(inner.default), depth + 1));
  }
  return result ?? value;
}

/** A null that is not allowed. */
const isNull = (value: unknown, { nullable }: StructuralSchema): boolean =>
  value === null && nullable !== true;

const isReplaceableNull = (value: unknown, schema: StructuralSchema): boolean =>
  isNull(value, schema) && schema.default !== undefined;
