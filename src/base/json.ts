/** Plain JSON values: equality, cloning and stable text. */
export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Deep equality of JSON values; a member that is `undefined` equals a missing one. */
export function jsonEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((item, index) => jsonEqual(item, b[index]));
  }
  if (!isRecord(a) || !isRecord(b)) return false;
  for (const key in a) if (a[key] !== undefined && !jsonEqual(a[key], b[key])) return false;
  for (const key in b) if (b[key] !== undefined && a[key] === undefined) return false;
  return true;
}

const ORDINARY = { writable: true, enumerable: true, configurable: true } as const;

/** A deep copy of a JSON value. */
export function jsonClone<T>(value: T): T {
  if (Array.isArray(value)) return value.map((item: unknown) => jsonClone(item)) as T;
  if (!isRecord(value)) return value;
  const copy: Record<string, unknown> = {};
  for (const key in value) {
    const member: unknown = jsonClone(value[key]);
    // Assigned, it would be the prototype of the copy instead of a member.
    if (key === '__proto__') Object.defineProperty(copy, key, { value: member, ...ORDINARY });
    else copy[key] = member;
  }
  return copy as T;
}

/** JSON text with sorted keys: equal values give equal text, whatever the order of their members. */
export function stableStringify(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((item) => stableStringify(item ?? null)).join(',')}]`;
  if (!isRecord(value)) return JSON.stringify(value ?? null);
  const members = Object.keys(value)
    .filter((key) => value[key] !== undefined)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${stableStringify(value[key])}`);
  return `{${members.join(',')}}`;
}
