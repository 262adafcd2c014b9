/** Finds the old item of which a new item is the successor. */
import { isRecord, ownMember, stableStringify } from '../../base/json.ts';
import type { StructuralSchema } from './structural-schema.ts';

/** Finds items of lists that are maps by their keys. Items of other lists have no old item. */
export function partners(schema: StructuralSchema, old: unknown): (item: unknown) => unknown {
  if (schema['x-kubernetes-list-type'] !== 'map' || !Array.isArray(old)) return () => undefined;
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  const keyOf = (item: unknown): string =>
    stableStringify(keys.map((key) => (isRecord(item) ? ownMember(item, key) : undefined)));
  const byKey = new Map((old as readonly unknown[]).map((item) => [keyOf(item), item]));
  return (item) => byKey.get(keyOf(item));
}
