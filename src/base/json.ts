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

/** Undefined where the text is no JSON. */
export function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * The member that a record itself has. A bracket also finds inherited ones, and users choose names
 * such as `constructor` for keys and labels.
 */
export function ownMember<T>(record: Readonly<Record<string, T>> | undefined, name: string): T | undefined {
  return record !== undefined && Object.hasOwn(record, name) ? record[name] : undefined;
}

/**
 * Assigns a member whatever it is called: an assignment to `__proto__` would replace the prototype.
 */
export function setMember(target: Record<string, unknown>, name: string, value: unknown): void {
  if (name !== '__proto__') target[name] = value;
  else Object.defineProperty(target, name, { value, writable: true, enumerable: true, configurable: true });
}

/** Deep equality of JSON values; a member that is `undefined` equals a missing one. */
export function jsonEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((item, index) => jsonEqual(item, b[index]));
  }
  if (!isRecord(a) || !isRecord(b)) return false;
  for (const key in a) if (a[key] !== undefined && !jsonEqual(a[key], ownMember(b, key))) return false;
  for (const key in b) if (b[key] !== undefined && ownMember(a, key) === undefined) return false;
  return true;
}

/** Whether two records have the very same members, one of them apart. Nothing is compared in depth. */
export function sharesMembers(a: object, b: object, apart?: string): boolean {
  const [one, other] = [a, b] as [Record<string, unknown>, Record<string, unknown>];
  const names = Object.keys(one);
  return (
    names.length === Object.keys(other).length &&
    names.every((name) => name === apart || (Object.hasOwn(other, name) && one[name] === other[name]))
  );
}

/** A deep copy of a JSON value. */
export function jsonClone<T>(value: T): T {
  if (Array.isArray(value)) return value.map((item: unknown) => jsonClone(item)) as T;
  if (!isRecord(value)) return value;
  const copy: Record<string, unknown> = {};
  for (const key in value) setMember(copy, key, jsonClone(value[key]));
  return copy as T;
}

/**
 * JSON text with sorted keys: equal values give equal text, whatever the order of their members.
 */
export const stableStringify = (value: unknown): string => stableText(value, stableStringify);

/** The same text, with that of the members given by `textOf`. */
export function stableText(value: unknown, textOf: (member: unknown) => string): string {
  if (Array.isArray(value)) return `[${value.map((item) => textOf(item ?? null)).join(',')}]`;
  if (!isRecord(value)) return JSON.stringify(value ?? null);
  const members = Object.keys(value)
    .filter((key) => value[key] !== undefined)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${textOf(value[key])}`);
  return `{${members.join(',')}}`;
}
