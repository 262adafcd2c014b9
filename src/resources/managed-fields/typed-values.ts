/**
 * What server-side apply does with values, guided by their schema: which fields a value has, how
 * two differ, how one is merged into another, and how fields are taken out. The rules are those of
 * KEP-555 and of the API reference on server-side apply. Pure; nothing is mutated. An absent value
 * is `undefined`; null is a value.
 */
import { isRecord, jsonEqual, ownMember, setMember } from '../../base/json.ts';
import type { TypeSchema, TypeSchemas } from '../decoding/type-schemas.ts';
import { FIELD, type FieldSet, fieldSet, NO_FIELDS, union } from './field-set.ts';
import { type Shape, shapeOf } from './shapes.ts';

export interface Comparison {
  readonly added: FieldSet;
  readonly modified: FieldSet;
  readonly removed: FieldSet;
}

export interface TypedValues {
  fieldsOf(value: unknown): FieldSet;
  compare(before: unknown, after: unknown): Comparison;
  /** `applied` wins; what it does not speak of stays. */
  merge(live: unknown, applied: unknown): unknown;
  without(value: unknown, fields: FieldSet): unknown;
  /** With the named fields on the way to each member as members of their own. */
  withParents(fields: FieldSet): FieldSet;
  /**
   * What keeps the value from being applied: unknown fields and keys that occur twice, in
   * upstream's words.
   */
  problems(value: unknown): readonly string[];
}

type Node = TypeSchema | undefined;
const PARTS = ['added', 'modified', 'removed'] as const;
type Differences = { -readonly [part in keyof Comparison]?: FieldSet };
const NONE: Differences = {};
const ADDED: Differences = { added: FIELD };
const MODIFIED: Differences = { modified: FIELD };
const REMOVED: Differences = { removed: FIELD };

type ListShape = Extract<Shape, { type: 'list' }>;

const isEmpty = (value: unknown): boolean =>
  value === undefined ||
  value === null ||
  (Array.isArray(value) ? value.length === 0 : isRecord(value) && Object.keys(value).length === 0);

export function createTypedValues(schemas: TypeSchemas, root: Node): TypedValues {
  const shape = (node: Node, value: unknown): Shape => shapeOf(schemas, node, value);

  /** Undefined: no field of its own. */
  function collect(value: unknown, node: Node): FieldSet | undefined {
    const is = shape(node, value);
    if (is.type === 'leaf') return FIELD;
    const children = new Map<string, FieldSet>();
    if (is.type === 'list') {
      for (const item of Array.isArray(value) ? (value as unknown[]) : []) {
        const element = is.elementOf(item);
        const set = { member: true, children: collect(item, is.items)?.children ?? NO_FIELDS.children };
        children.set(element, union(children.get(element) ?? NO_FIELDS, set));
      }
    } else {
      for (const [key, member] of Object.entries(isRecord(value) ? value : {})) {
        const below = collect(member, is.field(key));
        const isOwn = member === null || (isRecord(member) && isEmpty(member)) || !is.named(key);
        const set = fieldSet(isOwn || below?.member === true, below?.children);
        if (set) children.set(`f:${key}`, set);
      }
    }
    return fieldSet(false, children);
  }

  function compareLeaf(before: unknown, after: unknown): Differences {
    if (before === undefined) return ADDED;
    if (after === undefined) return REMOVED;
    return jsonEqual(before, after) ? NONE : MODIFIED;
  }

  function compareAt(before: unknown, after: unknown, node: Node): Differences {
    const is = shape(node, after ?? before ?? null);
    const same = before === undefined || before === null || shape(node, before).type === is.type;
    if (is.type === 'leaf' || !same || (isEmpty(before) && isEmpty(after))) return compareLeaf(before, after);
    const found: { [part in keyof Differences]: Map<string, FieldSet> } = {};
    const take = (element: string, inner: Differences): void => {
      for (const part of PARTS) {
        const set = inner[part];
        if (set) (found[part] ??= new Map<string, FieldSet>()).set(element, set);
      }
    };
    if (is.type === 'list') {
      const [old, next] = [groups(is, before), groups(is, after)];
      for (const element of new Set([...old.keys(), ...next.keys()])) {
        const [was, now] = [old.get(element), next.get(element)];
        // Items that share their keys are owned together.
        const shared = (was?.length ?? 0) > 1 || (now?.length ?? 0) > 1;
        take(element, shared ? compareLeaf(was, now) : compareAt(was?.[0], now?.[0], is.items));
      }
    } else {
      const [old, next] = [isRecord(before) ? before : {}, isRecord(after) ? after : {}];
      for (const key of new Set([...Object.keys(old), ...Object.keys(next)]))
        take(`f:${key}`, compareAt(ownMember(old, key), ownMember(next, key), is.field(key)));
    }
    const result: Differences = {};
    const own = before === undefined ? 'added' : after === undefined ? 'removed' : undefined;
    for (const part of PARTS) {
      const set = fieldSet(part === own, found[part]);
      if (set) result[part] = set;
    }
    return result;
  }

  function mergeAt(live: unknown, applied: unknown, node: Node): unknown {
    if (applied === undefined) return live;
    if (live === undefined) return applied;
    const is = shape(node, applied);
    if (is.type === 'map' && isRecord(live) && isRecord(applied)) {
      const result: Record<string, unknown> = { ...live };
      for (const [key, member] of Object.entries(applied))
        setMember(result, key, mergeAt(ownMember(live, key), member, is.field(key)));
      return result;
    }
    if (is.type === 'list' && Array.isArray(live) && Array.isArray(applied))
      return mergeLists(is, live, applied);
    return applied;
  }

  /**
   * Applied items keep their order among themselves, live ones theirs; items of both are where the
   * applied list has them.
   */
  function mergeLists(is: ListShape, live: readonly unknown[], applied: readonly unknown[]): unknown[] {
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
          result.push(mergeAt(live[l], applied[a], is.items));
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
        result.push(mergeAt(inLive.get(appliedId), applied[a], is.items));
        if (shared[s] === appliedId) s += 1;
        a += 1;
      } else l += 1;
    }
    return result;
  }

  function parentsAt({ member, children }: FieldSet, node: Node): FieldSet {
    const is: Shape = shape(node, null);
    const result = new Map<string, FieldSet>();
    for (const [element, child] of children) {
      const name = element.startsWith('f:') && is.type === 'map' ? element.slice(2) : undefined;
      const inner =
        name !== undefined && is.type === 'map' ? is.field(name) : is.type === 'list' ? is.items : undefined;
      const below = parentsAt(child, inner);
      const isNamed = name !== undefined && is.type === 'map' && is.named(name);
      result.set(element, isNamed ? { ...below, member: true } : below);
    }
    return { member, children: result };
  }

  function removeAt(value: unknown, tree: FieldSet, node: Node): unknown {
    const is = shape(node, value);
    if (is.type === 'list' && Array.isArray(value)) {
      const kept = (value as unknown[]).flatMap((item) => {
        const below = tree.children.get(is.elementOf(item));
        if (below?.member) return [];
        const next = below === undefined ? item : removeAt(item, below, is.items);
        return next === undefined ? [] : [next];
      });
      return kept.length === 0 ? undefined : kept;
    }
    if (is.type !== 'map' || !isRecord(value)) return value;
    const result: Record<string, unknown> = {};
    for (const [key, member] of Object.entries(value)) {
      const below = tree.children.get(`f:${key}`);
      if (below?.member) continue;
      const next = below === undefined ? member : removeAt(member, below, is.field(key));
      if (next !== undefined) setMember(result, key, next);
    }
    return isEmpty(result) ? undefined : result;
  }

  function findProblems(value: unknown, node: Node, path: string, found: string[]): void {
    const is = shape(node, value);
    if (is.type === 'list' && Array.isArray(value)) {
      const seen = new Set<string>();
      for (const item of value as unknown[]) {
        const element = is.elementOf(item);
        const text = elementText(element);
        if (seen.has(element)) found.push(`${path}: duplicate entries for key ${text}`);
        seen.add(element);
        findProblems(item, is.items, `${path}${text}`, found);
      }
    } else if (is.type === 'map' && isRecord(value)) {
      const closed = node !== undefined && isClosed(schemas.resolve(node).schema);
      for (const [key, member] of Object.entries(value)) {
        if (closed && !is.named(key)) found.push(`${path}.${key}: field not declared in schema`);
        else findProblems(member, is.field(key), `${path}.${key}`, found);
      }
    }
  }

  return {
    fieldsOf: (value) => collect(value, root) ?? NO_FIELDS,
    compare(before, after) {
      const { added = NO_FIELDS, modified = NO_FIELDS, removed = NO_FIELDS } = compareAt(before, after, root);
      return { added, modified, removed };
    },
    merge: (live, applied) => mergeAt(live, applied, root),
    without: (value, fields) => removeAt(value, fields, root),
    withParents: (fields) => parentsAt(fields, root),
    problems(value) {
      const found: string[] = [];
      findProblems(value, root, '', found);
      return found;
    },
  };
}

const isClosed = (schema: TypeSchema): boolean =>
  schema.properties !== undefined &&
  schema.additionalProperties === undefined &&
  schema['x-kubernetes-preserve-unknown-fields'] !== true;

function byElement(is: ListShape, value: unknown): Map<string, unknown> {
  const items = Array.isArray(value) ? (value as unknown[]) : [];
  return new Map(items.map((item) => [is.elementOf(item), item]));
}

/** Items by their keys, which several may share. */
function groups(is: ListShape, value: unknown): Map<string, unknown[]> {
  const found = new Map<string, unknown[]>();
  for (const item of Array.isArray(value) ? (value as unknown[]) : []) {
    const element = is.elementOf(item);
    const group = found.get(element);
    if (group) group.push(item);
    else found.set(element, [item]);
  }
  return found;
}

function elementText(element: string): string {
  if (element.startsWith('v:')) return `[=${element.slice(2)}]`;
  const keys = JSON.parse(element.slice(2)) as Record<string, unknown>;
  const texts = Object.entries(keys).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
  return `[${texts.join(',')}]`;
}
