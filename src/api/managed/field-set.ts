/**
 * Sets of fields, as `metadata.managedFields` records them (FieldsV1). A path is a sequence of elements: `f:name` a field,
 * `k:{…}` the item of a list with these keys, `v:…` a value of a set. Format: the API reference, "FieldsV1 v1 meta".
 */
import { isRecord } from '../../base/json.ts';

/** Elements joined by a character that no field name of a real object has. */
export type FieldPath = string;
export type FieldSet = ReadonlySet<FieldPath>;

const SEPARATOR = '\u0000';
export const ROOT: FieldPath = '';
/** Nesting of hostile records is bounded; real ones have some twenty levels. */
const MAX_DEPTH = 100;

export const childPath = (path: FieldPath, element: string): FieldPath =>
  path === ROOT ? element : `${path}${SEPARATOR}${element}`;
export const elementsOf = (path: FieldPath): readonly string[] => path.split(SEPARATOR);
export const pathOf = (...elements: readonly string[]): FieldPath => elements.join(SEPARATOR);

export const union = (...sets: readonly FieldSet[]): FieldSet => new Set(sets.flatMap((set) => [...set]));
export const difference = (a: FieldSet, b: FieldSet): FieldSet =>
  new Set([...a].filter((path) => !b.has(path)));
export const intersection = (a: FieldSet, b: FieldSet): FieldSet =>
  new Set([...a].filter((path) => b.has(path)));
/** Without what lies at or below the path. */
export const outside = (set: FieldSet, prefix: FieldPath): FieldSet =>
  new Set([...set].filter((path) => path !== prefix && !path.startsWith(`${prefix}${SEPARATOR}`)));

/** A set by its levels. */
export interface FieldTree {
  member: boolean;
  readonly children: Map<string, FieldTree>;
}

export function treeOf(set: FieldSet): FieldTree {
  const root: FieldTree = { member: false, children: new Map() };
  for (const path of set) {
    let at = root;
    for (const element of elementsOf(path)) {
      let next = at.children.get(element);
      if (!next) at.children.set(element, (next = { member: false, children: new Map() }));
      at = next;
    }
    at.member = true;
  }
  return root;
}

export function encodeFields(set: FieldSet): Record<string, unknown> {
  return encodeTree(treeOf(set));
}

function encodeTree({ children }: FieldTree): Record<string, unknown> {
  const sorted = [...children].sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(
    sorted.map(([element, child]) => {
      const below = encodeTree(child);
      return [element, child.member && child.children.size > 0 ? { '.': {}, ...below } : below];
    }),
  );
}

/** Undefined for what is no record of fields. */
export function decodeFields(value: unknown): FieldSet | undefined {
  const set = new Set<FieldPath>();
  return collect(value, ROOT, set, 0) ? set : undefined;
}

function collect(value: unknown, path: FieldPath, set: Set<FieldPath>, depth: number): boolean {
  if (!isRecord(value) || depth > MAX_DEPTH) return false;
  const entries = Object.entries(value);
  if (path !== ROOT && entries.length === 0) set.add(path);
  return entries.every(([element, below]) => {
    if (element === '.') set.add(path);
    return (
      element === '.' ||
      (/^[fkvi]:/.test(element) && collect(below, childPath(path, element), set, depth + 1))
    );
  });
}

/** As messages name it: `.spec.containers[name="c"].image`. */
export function pathText(path: FieldPath): string {
  return elementsOf(path)
    .map((element) => {
      const rest = element.slice(2);
      if (element.startsWith('f:')) return `.${rest}`;
      return element.startsWith('k:') ? keyText(rest) : `[=${rest}]`;
    })
    .join('');
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
