/**
 * Values as server-side apply sees them, guided by their schema: the fields that a value has, the
 * difference of two, and a value without some of its fields. The rules are those of KEP-555 and of
 * the API reference. Pure; nothing is mutated. An absent value is `undefined`; null is a value.
 */
import { isRecord, jsonEqual, ownMember, setMember } from '../../base/json.ts';
import type { TypeSchema, TypeSchemas } from '../decoding/type-schemas.ts';
import { elementText, FIELD, type FieldSet, fieldSet, NO_FIELDS, union } from './field-set.ts';
import { mergeAt } from './merge-values.ts';
import { type ListShape, type Shape, shapeOf } from './shapes.ts';

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
  /** Unknown fields and keys that occur twice, in upstream's words: such a value is not applied. */
  problems(value: unknown): readonly string[];
}

type Node = TypeSchema | undefined;
const PARTS = ['added', 'modified', 'removed'] as const;
type Differences = { -readonly [part in keyof Comparison]?: FieldSet };
const NONE: Differences = {};
const ADDED: Differences = { added: FIELD };
const MODIFIED: Differences = { modified: FIELD };
const REMOVED: Differences = { removed: FIELD };

const isEmpty = (value: unknown): boolean =>
  value === undefined ||
  value === null ||
  (Array.isArray(value) ? value.length === 0 : isRecord(value) && Object.keys(value).length === 0);

export function createTypedValues(schemas: TypeSchemas, root: Node): TypedValues {
  return {
    fieldsOf: (value) => collect(schemas, value, root) ?? NO_FIELDS,
    compare(before, after) {
      const {
        added = NO_FIELDS,
        modified = NO_FIELDS,
        removed = NO_FIELDS,
      } = compareAt(schemas, before, after, root);
      return { added, modified, removed };
    },
    merge: (live, applied) => mergeAt(schemas, live, applied, root),
    without: (value, fields) => removeAt(schemas, value, fields, root),
    withParents: (fields) => parentsAt(schemas, fields, root),
    problems(value) {
      const found: string[] = [];
      findProblems(schemas, value, root, '', found);
      return found;
    },
  };
}

function collect(schemas: TypeSchemas, value: unknown, node: Node): FieldSet | undefined {
  const is = shapeOf(schemas, node, value);
  if (is.type === 'leaf') return FIELD;
  const children = new Map<string, FieldSet>();
  if (is.type === 'list') {
    for (const item of Array.isArray(value) ? (value as unknown[]) : []) {
      const element = is.elementOf(item);
      const set = {
        member: true,
        children: collect(schemas, item, is.items)?.children ?? NO_FIELDS.children,
      };
      children.set(element, union(children.get(element) ?? NO_FIELDS, set));
    }
  } else {
    for (const [key, member] of Object.entries(isRecord(value) ? value : {})) {
      const below = collect(schemas, member, is.field(key));
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

function compareAt(schemas: TypeSchemas, before: unknown, after: unknown, node: Node): Differences {
  const is = shapeOf(schemas, node, after ?? before ?? null);
  const same = before === undefined || before === null || shapeOf(schemas, node, before).type === is.type;
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
      take(element, shared ? compareLeaf(was, now) : compareAt(schemas, was?.[0], now?.[0], is.items));
    }
  } else {
    const [old, next] = [isRecord(before) ? before : {}, isRecord(after) ? after : {}];
    for (const key of new Set([...Object.keys(old), ...Object.keys(next)]))
      take(`f:${key}`, compareAt(schemas, ownMember(old, key), ownMember(next, key), is.field(key)));
  }
  const result: Differences = {};
  const own = before === undefined ? 'added' : after === undefined ? 'removed' : undefined;
  for (const part of PARTS) {
    const set = fieldSet(part === own, found[part]);
    if (set) result[part] = set;
  }
  return result;
}

function parentsAt(schemas: TypeSchemas, { member, children }: FieldSet, node: Node): FieldSet {
  const is: Shape = shapeOf(schemas, node, null);
  const result = new Map<string, FieldSet>();
  for (const [element, child] of children) {
    const name = element.startsWith('f:') && is.type === 'map' ? element.slice(2) : undefined;
    const inner =
      name !== undefined && is.type === 'map' ? is.field(name) : is.type === 'list' ? is.items : undefined;
    const below = parentsAt(schemas, child, inner);
    const isNamed = name !== undefined && is.type === 'map' && is.named(name);
    result.set(element, isNamed ? { ...below, member: true } : below);
  }
  return { member, children: result };
}

function removeAt(schemas: TypeSchemas, value: unknown, tree: FieldSet, node: Node): unknown {
  const is = shapeOf(schemas, node, value);
  if (is.type === 'list' && Array.isArray(value)) {
    const kept = (value as unknown[]).flatMap((item) => {
      const below = tree.children.get(is.elementOf(item));
      if (below?.member) return [];
      const next = below === undefined ? item : removeAt(schemas, item, below, is.items);
      return next === undefined ? [] : [next];
    });
    return kept.length === 0 ? undefined : kept;
  }
  if (is.type !== 'map' || !isRecord(value)) return value;
  const result: Record<string, unknown> = {};
  for (const [key, member] of Object.entries(value)) {
    const below = tree.children.get(`f:${key}`);
    if (below?.member) continue;
    const next = below === undefined ? member : removeAt(schemas, member, below, is.field(key));
    if (next !== undefined) setMember(result, key, next);
  }
  return isEmpty(result) ? undefined : result;
}

function findProblems(schemas: TypeSchemas, value: unknown, node: Node, path: string, found: string[]): void {
  const is = shapeOf(schemas, node, value);
  if (is.type === 'list' && Array.isArray(value)) {
    const seen = new Set<string>();
    for (const item of value as unknown[]) {
      const element = is.elementOf(item);
      const text = elementText(element);
      if (seen.has(element)) found.push(`${path}: duplicate entries for key ${text}`);
      seen.add(element);
      findProblems(schemas, item, is.items, `${path}${text}`, found);
    }
  } else if (is.type === 'map' && isRecord(value)) {
    const closed = node !== undefined && isClosed(schemas.resolve(node).schema);
    for (const [key, member] of Object.entries(value)) {
      if (closed && !is.named(key)) found.push(`${path}.${key}: field not declared in schema`);
      else findProblems(schemas, member, is.field(key), `${path}.${key}`, found);
    }
  }
}

const isClosed = (schema: TypeSchema): boolean =>
  schema.properties !== undefined &&
  schema.additionalProperties === undefined &&
  schema['x-kubernetes-preserve-unknown-fields'] !== true;

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
