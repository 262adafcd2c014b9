/** Merges an applied value into a live one, guided by their schema (KEP-555). Pure. */
import { isRecord, ownMember, setMember } from '../../base/json.ts';
import type { TypeSchema, TypeSchemas } from '../decoding/type-schemas.ts';
import { type ListShape, shapeOf } from './shapes.ts';

type Node = TypeSchema | undefined;

export function mergeAt(schemas: TypeSchemas, live: unknown, applied: unknown, node: Node): unknown {
  if (applied === undefined) return live;
  if (live === undefined) return applied;
  const is = shapeOf(schemas, node, applied);
  if (is.type === 'map' && isRecord(live) && isRecord(applied)) {
    const result: Record<string, unknown> = { ...live };
    for (const [key, member] of Object.entries(applied))
      setMember(result, key, mergeAt(schemas, ownMember(live, key), member, is.field(key)));
    return result;
  }
  if (is.type === 'list' && Array.isArray(live) && Array.isArray(applied))
    return mergeLists(schemas, is, live, applied);
  return applied;
}

function mergeLists(
  schemas: TypeSchemas,
  is: ListShape,
  live: readonly unknown[],
  applied: readonly unknown[],
): unknown[] {
  const liveIds = live.map((item) => is.elementOf(item));
  const appliedIds = applied.map((item) => is.elementOf(item));
  const [inLive, inApplied] = [byElement(is, live), byElement(is, applied)];
  const shared = appliedIds.filter((id) => inLive.has(id));
  const result: unknown[] = [];
  let [l, a, s] = [0, 0, 0];
  while (l < live.length || a < applied.length) {
    const [liveId, appliedId] = [liveIds[l], appliedIds[a]];
    if (liveId !== undefined && appliedId !== undefined) {
      if (liveId === appliedId) {
        result.push(mergeAt(schemas, live[l], applied[a], is.items));
        if (shared[s] === liveId) s += 1;
        l += 1;
        a += 1;
        continue;
      }
      if (inApplied.has(liveId) && shared[s] !== undefined && shared[s] !== liveId) {
        l += 1;
        continue;
      }
    }
    if (liveId !== undefined && !inApplied.has(liveId)) {
      result.push(live[l]);
      l += 1;
    } else if (appliedId !== undefined) {
      result.push(mergeAt(schemas, inLive.get(appliedId), applied[a], is.items));
      if (shared[s] === appliedId) s += 1;
      a += 1;
    } else l += 1;
  }
  return result;
}

function byElement(is: ListShape, value: unknown): Map<string, unknown> {
  const items = Array.isArray(value) ? (value as unknown[]) : [];
  return new Map(items.map((item) => [is.elementOf(item), item]));
}
