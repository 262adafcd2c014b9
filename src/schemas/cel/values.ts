/**
 * Values while an expression is evaluated. Numbers of JSON become what the schema says (int is a
 * bigint, double a number); lists, maps and objects give their members on demand, so that only what
 * a rule reads is converted.
 */
import type { Budget } from './budget.ts';
import { EvaluationError } from './errors.ts';

export type Value = null | boolean | bigint | number | string | Tagged;

export type Tagged =
  | Uint
  | Bytes
  | ListValue
  | MapValue
  | TimestampValue
  | DurationValue
  | TypeValue
  | OptionalValue
  | OpaqueValue;

export interface Uint {
  readonly kind: 'uint';
  readonly value: bigint;
}
export interface Bytes {
  readonly kind: 'bytes';
  readonly bytes: Uint8Array;
}
export interface ListValue {
  readonly kind: 'list';
  readonly size: number;
  /** `index` is within the list. */
  at(index: number): Value;
  /** How lists that a schema calls sets, or maps by keys of their items, compare and add up. */
  readonly form?: ListForm;
}
export type ListForm = { readonly type: 'set' } | { readonly type: 'map'; keyOf(item: Value): string };
export interface MapValue {
  readonly kind: 'map';
  readonly size: number;
  keys(): readonly Value[];
  get(key: Value): Value | undefined;
  /** Has fields rather than keys: `object` in the language of types. */
  readonly isObject?: true;
}
/** Nanoseconds since 1970, or of a span of time. */
export interface TimestampValue {
  readonly kind: 'timestamp';
  readonly nanos: bigint;
}
export interface DurationValue {
  readonly kind: 'duration';
  readonly nanos: bigint;
}
export interface TypeValue {
  readonly kind: 'type';
  readonly name: string;
}
export interface OptionalValue {
  readonly kind: 'optional';
  readonly value: Value | undefined;
}
/** A value of a library; `text` is its canonical form, equal for equal values. */
export interface OpaqueValue {
  readonly kind: 'opaque';
  readonly name: string;
  readonly text: string;
  readonly data: unknown;
}

export const NONE: OptionalValue = { kind: 'optional', value: undefined };
export const some = (value: Value): OptionalValue => ({ kind: 'optional', value });
export const typeValue = (name: string): TypeValue => ({ kind: 'type', name });
export const uint = (value: bigint): Uint => ({ kind: 'uint', value });

export function listValue(items: readonly Value[]): ListValue {
  return { kind: 'list', size: items.length, at: (index) => items[index] ?? null };
}

export function itemsOf(list: ListValue): readonly Value[] {
  return Array.from({ length: list.size }, (_, index) => list.at(index));
}

/** Keys of maps are texts, booleans and whole numbers; 1 is one key as an int or a uint. */
export function keyText(key: Value): string | undefined {
  switch (typeof key) {
    case 'string':
      return `s${key}`;
    case 'boolean':
      return `b${key}`;
    case 'bigint':
      return `n${key}`;
    case 'number':
      return Number.isInteger(key) ? `n${BigInt(key)}` : undefined;
    default:
      return key !== null && key.kind === 'uint' ? `n${key.value}` : undefined;
  }
}

export function mapValue(entries: readonly (readonly [Value, Value])[]): MapValue {
  const members = new Map<string, readonly [Value, Value]>();
  for (const entry of entries) {
    const text = keyText(entry[0]);
    if (text === undefined) throw new EvaluationError(`unsupported key type: ${typeName(entry[0])}`);
    if (members.has(text)) throw new EvaluationError('Failed with repeated key');
    members.set(text, entry);
  }
  return {
    kind: 'map',
    size: members.size,
    keys: () => [...members.values()].map(([key]) => key),
    get: (key) => members.get(keyText(key) ?? '')?.[1],
  };
}

/** The name of a value's type, as `type()` gives it and messages show it. */
export function typeName(value: Value): string {
  if (value === null) return 'null_type';
  switch (typeof value) {
    case 'boolean':
      return 'bool';
    case 'bigint':
      return 'int';
    case 'number':
      return 'double';
    case 'string':
      return 'string';
    default:
      break;
  }
  switch (value.kind) {
    case 'timestamp':
      return 'google.protobuf.Timestamp';
    case 'duration':
      return 'google.protobuf.Duration';
    case 'optional':
      return 'optional_type';
    case 'opaque':
      return value.name;
    case 'map':
      return value.isObject ? 'object' : 'map';
    default:
      return value.kind;
  }
}

/** Numbers are equal across types, lists and maps by their members, others only within a type. */
export function equal(a: Value, b: Value, budget: Budget): boolean {
  budget.spend(1);
  if (typeof a === 'string' && typeof b === 'string') {
    if (a.length !== b.length) return false;
    budget.spend(Math.ceil(a.length / 10));
    return a === b;
  }
  if (a === b) return true;
  const numbers = compareNumbers(a, b);
  if (numbers !== undefined) return numbers === 0;
  if (a === null || b === null || typeof a !== 'object' || typeof b !== 'object') return false;
  if (a.kind === 'list' && b.kind === 'list') return equalLists(a, b, budget);
  if (a.kind === 'map' && b.kind === 'map') return equalMaps(a, b, budget);
  if (a.kind === 'optional' && b.kind === 'optional') {
    if (a.value === undefined || b.value === undefined) return a.value === b.value;
    return equal(a.value, b.value, budget);
  }
  if (a.kind === 'bytes' && b.kind === 'bytes') {
    budget.spend(Math.ceil(a.bytes.length / 10));
    return a.bytes.length === b.bytes.length && a.bytes.every((byte, index) => byte === b.bytes[index]);
  }
  if (a.kind === 'timestamp' || a.kind === 'duration') return b.kind === a.kind && a.nanos === b.nanos;
  if (a.kind === 'type') return b.kind === 'type' && a.name === b.name;
  if (a.kind === 'opaque') return b.kind === 'opaque' && a.name === b.name && a.text === b.text;
  return false;
}

function equalLists(a: ListValue, b: ListValue, budget: Budget): boolean {
  if (a.size !== b.size) return false;
  const form = a.form ?? b.form;
  if (!form) {
    for (let index = 0; index < a.size; index += 1)
      if (!equal(a.at(index), b.at(index), budget)) return false;
    return true;
  }
  if (form.type === 'set') return itemsOf(a).every((item) => contains(b, item, budget));
  const others = new Map(itemsOf(b).map((item) => [form.keyOf(item), item]));
  return itemsOf(a).every((item) => {
    const other = others.get(form.keyOf(item));
    return other !== undefined && equal(item, other, budget);
  });
}

function equalMaps(a: MapValue, b: MapValue, budget: Budget): boolean {
  if (a.size !== b.size) return false;
  return a.keys().every((key) => {
    const [left, right] = [a.get(key), b.get(key)];
    return left !== undefined && right !== undefined && equal(left, right, budget);
  });
}

export function contains(list: ListValue, item: Value, budget: Budget): boolean {
  for (let index = 0; index < list.size; index += 1) if (equal(list.at(index), item, budget)) return true;
  return false;
}

/** Undefined where one of them is no number; NaN is less than nothing and equal to nothing. */
export function compareNumbers(a: Value, b: Value): number | undefined {
  const [left, right] = [numberOf(a), numberOf(b)];
  if (left === undefined || right === undefined) return undefined;
  return left < right ? -1 : left > right ? 1 : left == right ? 0 : Number.NaN;
}

function numberOf(value: Value): bigint | number | undefined {
  if (typeof value === 'bigint' || typeof value === 'number') return value;
  return value !== null && typeof value === 'object' && value.kind === 'uint' ? value.value : undefined;
}

/** -1, 0 or 1 for values that have an order; undefined for others. */
export function compare(a: Value, b: Value, budget: Budget): number | undefined {
  const numbers = compareNumbers(a, b);
  if (numbers !== undefined) return numbers;
  if (typeof a === 'string' && typeof b === 'string') {
    budget.spend(Math.ceil(Math.min(a.length, b.length) / 10));
    return compareTexts(a, b);
  }
  if (typeof a === 'boolean' && typeof b === 'boolean') return Number(a) - Number(b);
  if (a === null || b === null || typeof a !== 'object' || typeof b !== 'object') return undefined;
  if ((a.kind === 'timestamp' || a.kind === 'duration') && b.kind === a.kind)
    return a.nanos < b.nanos ? -1 : a.nanos > b.nanos ? 1 : 0;
  if (a.kind === 'bytes' && b.kind === 'bytes') {
    budget.spend(Math.ceil(Math.min(a.bytes.length, b.bytes.length) / 10));
    return Buffer.compare(a.bytes, b.bytes);
  }
  return undefined;
}

/** By code points, as UTF-8 sorts: JavaScript's own order differs beyond the basic plane. */
function compareTexts(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at += 1) {
    if (a.charCodeAt(at) === b.charCodeAt(at)) continue;
    const [left, right] = [a.codePointAt(at) ?? 0, b.codePointAt(at) ?? 0];
    return left < right ? -1 : 1;
  }
  return a.length < b.length ? -1 : 1;
}
