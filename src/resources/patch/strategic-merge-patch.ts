/**
 * Kubernetes' strategic merge patch: a merge patch that merges lists by a key and carries
 * directives. The rules are those of the API conventions and of kubectl's documentation of
 * `$patch`, `$retainKeys`, `$deleteFromPrimitiveList` and `$setElementOrder`; merge keys come from
 * upstream's OpenAPI schemas.
 *
 * Pure: nothing is mutated. Directives never reach the result. Errors are StatusError 400 in
 * upstream's words (upstream answers some of them with 500; bad input is never our failure).
 */
import { isRecord, ownMember, setMember, stableStringify } from '../../base/json.ts';
import { badRequest } from '../../schemas/errors/status.ts';
import { patchMeta, type TypeSchema, type TypeSchemas } from '../decoding/type-schemas.ts';
import { orderMerged } from './element-order.ts';
import { goFormat } from './go-format.ts';

type Members = Record<string, unknown>;

const DIRECTIVE = '$patch';
const RETAIN_KEYS = '$retainKeys';
const ELEMENT_ORDER = '$setElementOrder/';
const DELETE_PRIMITIVE = '$deleteFromPrimitiveList/';

export function applyStrategicMergePatch(
  target: Members,
  patch: Members,
  schemas: TypeSchemas,
  root: TypeSchema,
): Members {
  const merge = (live: Members, change: Members, schema: TypeSchema | undefined): Members =>
    mergeObject(live, change, schema, { schemas, merge });
  return merge(target, patch, root);
}

interface Merger {
  readonly schemas: TypeSchemas;
  readonly merge: (live: Members, change: Members, schema: TypeSchema | undefined) => Members;
}

function mergeObject(
  live: Members,
  change: Members,
  schema: TypeSchema | undefined,
  merger: Merger,
): Members {
  if (DIRECTIVE in change) {
    const { [DIRECTIVE]: directive, ...rest } = change;
    if (directive === 'replace') return withoutDirectives(rest) as Members;
    if (directive === 'delete') return {};
    if (directive !== 'merge')
      throw badRequest(`unknown patch type: ${goFormat(directive)} in map: ${goFormat(change)}`);
    change = rest;
  }
  const result = RETAIN_KEYS in change ? retained(live, change) : { ...live };
  for (const [key, value] of Object.entries(change)) {
    if (key === RETAIN_KEYS || key.startsWith(ELEMENT_ORDER) || key.startsWith(DELETE_PRIMITIVE)) continue;
    const next = mergeMember(
      ownMember(result, key),
      value,
      merger.schemas.field(schema, key),
      merger,
      change,
      key,
    );
    if (next === undefined) delete result[key];
    else setMember(result, key, next);
  }
  for (const [key, value] of Object.entries(change)) {
    if (key.startsWith(DELETE_PRIMITIVE)) deletePrimitives(result, key, value);
    if (key.startsWith(ELEMENT_ORDER)) orderAlone(result, key, value, change, schema, merger);
  }
  return result;
}

/** `$retainKeys`: other live members go, and the patch sets no other member. */
function retained(live: Members, change: Members): Members {
  const names = change[RETAIN_KEYS];
  if (!Array.isArray(names))
    throw badRequest('wrong format for retainKeys patch strategy: it must be a list');
  const keep = new Set(names.map(String));
  for (const key of Object.keys(change)) {
    if (key === RETAIN_KEYS || key.startsWith(ELEMENT_ORDER) || key.startsWith(DELETE_PRIMITIVE)) continue;
    if (change[key] !== null && !keep.has(key))
      throw badRequest(`wrong format for retainKeys patch strategy: "${key}" is set but not retained`);
  }
  return Object.fromEntries(Object.entries(live).filter(([key]) => keep.has(key)));
}

/** The member's new value; undefined removes it. */
function mergeMember(
  live: unknown,
  value: unknown,
  schema: TypeSchema | undefined,
  merger: Merger,
  change: Members,
  key: string,
): unknown {
  if (value === null) return undefined;
  const { strategies, mergeKey } = patchMeta(schema);
  if (isRecord(value)) {
    if (!isRecord(live)) return isDeletion(value) ? undefined : withoutDirectives(value);
    if (strategies.includes('replace')) return withoutDirectives(value);
    return merger.merge(live, value, schema);
  }
  if (!Array.isArray(value)) return value;
  if (!strategies.includes('merge')) return Array.isArray(live) ? value : withoutDirectives(value);
  if (!Array.isArray(live)) {
    const fresh = withoutDirectives(value) as unknown[];
    const order = change[ELEMENT_ORDER + key];
    if (!Array.isArray(order)) return fresh;
    const idOf = idFor(mergeKey);
    return orderMerged(fresh, order.map(idOf), [], idOf);
  }
  const item = schema === undefined ? undefined : merger.schemas.resolve(schema).schema.items;
  return mergeList(live, value, mergeKey, item, merger, change[ELEMENT_ORDER + key]);
}

function mergeList(
  live: readonly unknown[],
  change: readonly unknown[],
  mergeKey: string | undefined,
  itemSchema: TypeSchema | undefined,
  merger: Merger,
  order: unknown,
): unknown[] {
  const idOf = idFor(mergeKey);
  if (mergeKey === undefined) {
    const union = [...live];
    const known = new Set(live.map(idOf));
    for (const item of change) {
      const id = idOf(item);
      if (!known.has(id)) union.push(item);
      known.add(id);
    }
    return orderMerged(union, (Array.isArray(order) ? order : change).map(idOf), live.map(idOf), idOf);
  }
  const gone = new Set<string>();
  let replace = false;
  const additions: Members[] = [];
  for (const item of change) {
    if (!isRecord(item))
      throw badRequest(`expected a map in a list merged by "${mergeKey}": ${goFormat(item)}`);
    const directive = item[DIRECTIVE];
    if (directive === undefined) {
      additions.push(item);
    } else if (directive === 'delete') {
      requireKey(item, mergeKey);
      gone.add(idOf(item));
    } else if (directive === 'replace') {
      replace = true;
    } else {
      throw badRequest(`unknown patch type: ${goFormat(directive)} in map: ${goFormat(item)}`);
    }
  }
  if (replace) return additions.map(withoutDirectives);
  const merged = live.filter((other) => !gone.has(idOf(other)));
  const places = new Map<string, number>();
  for (const [index, other] of merged.entries()) {
    const id = idOf(other);
    if (!places.has(id)) places.set(id, index);
  }
  for (const item of additions) {
    requireKey(item, mergeKey);
    const id = idOf(item);
    const index = places.get(id) ?? merged.length;
    const existing = merged[index];
    places.set(id, index);
    merged[index] = isRecord(existing) ? merger.merge(existing, item, itemSchema) : withoutDirectives(item);
  }
  const patchOrder = (Array.isArray(order) ? order : additions).map(idOf);
  return orderMerged(merged, patchOrder, live.map(idOf), idOf);
}

function requireKey(item: Members, mergeKey: string): void {
  if (!Object.hasOwn(item, mergeKey))
    throw badRequest(`map: ${goFormat(item)} does not contain declared merge key: ${mergeKey}`);
}

function idFor(mergeKey: string | undefined): (item: unknown) => string {
  return (item) =>
    mergeKey === undefined || !isRecord(item) ? stableStringify(item) : stableStringify(item[mergeKey]);
}

function deletePrimitives(result: Members, key: string, value: unknown): void {
  const field = key.slice(DELETE_PRIMITIVE.length);
  if (!Array.isArray(value)) throw badRequest(`invalid delete list for "${field}": ${goFormat(value)}`);
  const live = ownMember(result, field);
  if (!Array.isArray(live)) return;
  const gone = new Set(value.map(stableStringify));
  result[field] = live.filter((item) => !gone.has(stableStringify(item)));
}

/** `$setElementOrder` for a list that the patch does not otherwise change. */
function orderAlone(
  result: Members,
  key: string,
  value: unknown,
  change: Members,
  schema: TypeSchema | undefined,
  merger: Merger,
): void {
  const field = key.slice(ELEMENT_ORDER.length);
  if (!Array.isArray(value)) throw badRequest(`invalid element order for "${field}": ${goFormat(value)}`);
  const live = ownMember(result, field);
  if (!Array.isArray(live) || Array.isArray(change[field])) return;
  const idOf = idFor(patchMeta(merger.schemas.field(schema, field)).mergeKey);
  result[field] = orderMerged(live, value.map(idOf), live.map(idOf), idOf);
}

/** In a value that is new to the object, directives mean nothing and nulls delete nothing. */
function withoutDirectives(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value
      .filter((item) => !(isRecord(item) && (item[DIRECTIVE] === 'delete' || item[DIRECTIVE] === 'replace')))
      .map(withoutDirectives);
  }
  if (!isRecord(value)) return value;
  const result: Members = {};
  for (const [key, member] of Object.entries(value)) {
    const directive = key === DIRECTIVE || key === RETAIN_KEYS || key.startsWith(ELEMENT_ORDER);
    if (directive || key.startsWith(DELETE_PRIMITIVE) || member === null) continue;
    if (!isDeletion(member)) setMember(result, key, withoutDirectives(member));
  }
  return result;
}

/** Deleting what is not there leaves nothing, not an empty object. */
const isDeletion = (value: unknown): boolean => isRecord(value) && value[DIRECTIVE] === 'delete';
