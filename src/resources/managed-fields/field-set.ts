/**
 * Sets of fields, as `metadata.managedFields` records them (FieldsV1): a tree, whose edges are
 * elements: `f:name` a field, `k:{…}` the item of a list with these keys, `v:…` a value of a set.
 * Format: the API reference, "FieldsV1 v1 meta". Sets are never changed and share their parts, so
 * that an operation costs what differs; no set but the empty one has an empty part.
 */
import { isRecord, setMember } from '../../base/json.ts';

export interface FieldSet {
  /** Whether the field itself is in the set. */
  readonly member: boolean;
  readonly children: ReadonlyMap<string, FieldSet>;
}

const NO_CHILDREN: FieldSet['children'] = new Map();
export const NO_FIELDS: FieldSet = { member: false, children: NO_CHILDREN };
/** A field and nothing below it. */
export const FIELD: FieldSet = { member: true, children: NO_CHILDREN };

/** Nesting of hostile records is bounded; real ones have some twenty levels. */
const MAX_DEPTH = 100;

export const isEmptySet = ({ member, children }: FieldSet): boolean => !member && children.size === 0;

/** Parts without anything are left out; undefined where nothing is left. */
export function fieldSet(member: boolean, children: FieldSet['children'] | undefined): FieldSet | undefined {
  if (children && children.size > 0) return { member, children };
  return member ? FIELD : undefined;
}

export function union(a: FieldSet, b: FieldSet): FieldSet {
  if (isEmptySet(a) || a === b) return b;
  if (isEmptySet(b)) return a;
  const children = new Map(a.children);
  for (const [element, below] of b.children) {
    const other = children.get(element);
    children.set(element, other ? union(other, below) : below);
  }
  return { member: a.member || b.member, children };
}

/** Takes any number of sets: two at a time would copy the result once for each. */
export function unionOf(sets: readonly FieldSet[]): FieldSet {
  const [first = NO_FIELDS, ...others] = sets;
  if (others.length === 0) return first;
  const parts = new Map<string, FieldSet[]>();
  for (const { children } of sets)
    for (const [element, below] of children) {
      const known = parts.get(element);
      if (known) known.push(below);
      else parts.set(element, [below]);
    }
  const children = new Map([...parts].map(([element, below]) => [element, unionOf(below)] as const));
  return { member: sets.some(({ member }) => member), children };
}

/** The very same set comes back where nothing is taken out. */
export function difference(a: FieldSet, b: FieldSet): FieldSet {
  const fewer = a.children.size < b.children.size ? a : b;
  let children: Map<string, FieldSet> | undefined;
  for (const element of fewer.children.keys()) {
    const [mine, other] = [a.children.get(element), b.children.get(element)];
    if (!mine || !other) continue;
    const rest = difference(mine, other);
    if (rest === mine) continue;
    children ??= new Map(a.children);
    if (isEmptySet(rest)) children.delete(element);
    else children.set(element, rest);
  }
  const member = a.member && !b.member;
  if (!children && member === a.member) return a;
  return fieldSet(member, children ?? a.children) ?? NO_FIELDS;
}

export function intersection(a: FieldSet, b: FieldSet): FieldSet {
  const [fewer, more] = a.children.size < b.children.size ? [a, b] : [b, a];
  const children = new Map<string, FieldSet>();
  for (const [element, below] of fewer.children) {
    const other = more.children.get(element);
    const both = other ? intersection(below, other) : NO_FIELDS;
    if (!isEmptySet(both)) children.set(element, both);
  }
  return fieldSet(a.member && b.member, children) ?? NO_FIELDS;
}

/** Without a field of the object and what lies below it. */
export function outside(set: FieldSet, element: string): FieldSet {
  if (!set.children.has(element)) return set;
  const children = new Map(set.children);
  children.delete(element);
  return { ...set, children };
}

export function encodeFields({ children }: FieldSet): Record<string, unknown> {
  const encoded: Record<string, unknown> = {};
  for (const element of [...children.keys()].sort()) {
    const child = children.get(element) ?? NO_FIELDS;
    const below = encodeFields(child);
    setMember(encoded, element, child.member && child.children.size > 0 ? { '.': {}, ...below } : below);
  }
  return encoded;
}

/** Undefined for what is no record of fields. */
export function decodeFields(value: unknown): FieldSet | undefined {
  const children = decodeChildren(value, 0);
  return children && (fieldSet(false, children) ?? NO_FIELDS);
}

function decodeChildren(value: unknown, depth: number): Map<string, FieldSet> | undefined {
  if (!isRecord(value) || depth > MAX_DEPTH) return undefined;
  const children = new Map<string, FieldSet>();
  for (const [element, below] of Object.entries(value)) {
    if (element === '.') continue;
    const inner = ELEMENT.test(element) ? decodeChildren(below, depth + 1) : undefined;
    if (!inner) return undefined;
    const isMember = inner.size === 0 || Object.hasOwn(below as object, '.');
    children.set(element, { member: isMember, children: inner });
  }
  return children;
}

const ELEMENT = /^[fkvi]:/;

export function countOf({ member, children }: FieldSet): number {
  let count = member ? 1 : 0;
  for (const child of children.values()) count += countOf(child);
  return count;
}

/** Each field as messages name it: `.spec.containers[name="c"].image`. */
export function* pathTexts(set: FieldSet, path = ''): Generator<string> {
  if (set.member) yield path;
  for (const [element, child] of set.children) yield* pathTexts(child, `${path}${elementText(element)}`);
}

export function elementText(element: string): string {
  const rest = element.slice(2);
  if (element.startsWith('f:')) return `.${rest}`;
  return element.startsWith('k:') ? keyText(rest) : `[=${rest}]`;
}

function keyText(json: string): string {
  try {
    const keys = JSON.parse(json) as Record<string, unknown>;
    return `[${Object.entries(keys)
      .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
      .join(',')}]`;
  } catch {
    return `[${json}]`;
  }
}
