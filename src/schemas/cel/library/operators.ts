/** Arithmetic, comparison, membership and indexing. Whole numbers overflow beyond 64 bits. */
import type { Budget } from '../budget.ts';
import { EvaluationError } from '../errors.ts';
import { type Overload, overload, spendKey, spendText } from '../overload.ts';
import {
  type Bytes,
  compare,
  contains,
  type DurationValue,
  equal,
  itemsOf,
  type ListValue,
  listValue,
  type MapValue,
  NONE,
  type OptionalValue,
  some,
  type TimestampValue,
  type Uint,
  uint,
  type Value,
} from '../values.ts';

export const MAX_INT = 2n ** 63n - 1n;
export const MIN_INT = -(2n ** 63n);
export const MAX_UINT = 2n ** 64n - 1n;

export function checkInt(value: bigint): bigint {
  if (value > MAX_INT || value < MIN_INT) throw new EvaluationError('integer overflow');
  return value;
}

export function checkUint(value: bigint): Uint {
  if (value > MAX_UINT || value < 0n) throw new EvaluationError('unsigned integer overflow');
  return uint(value);
}

/** Timestamps are within the years 1 to 9999. */
const FIRST_NANOS = -62_135_596_800n * 1_000_000_000n;
const LAST_NANOS = 253_402_300_800n * 1_000_000_000n;

export function timestampOf(nanos: bigint): TimestampValue {
  if (nanos < FIRST_NANOS || nanos >= LAST_NANOS) throw new EvaluationError('timestamp overflow');
  return { kind: 'timestamp', nanos };
}

export function durationOf(nanos: bigint): DurationValue {
  if (nanos > MAX_INT || nanos < MIN_INT) throw new EvaluationError('duration overflow');
  return { kind: 'duration', nanos };
}

const nonZero = (divisor: bigint, what: string): bigint => {
  if (divisor === 0n) throw new EvaluationError(what);
  return divisor;
};
const DIVISION = 'division by zero';
const MODULUS = 'modulus by zero';

type Ints = readonly [bigint, bigint];
type Uints = readonly [Uint, Uint];
type Doubles = readonly [number, number];
type Times = readonly [TimestampValue | DurationValue, TimestampValue | DurationValue];

const arithmetic: readonly Overload[] = [
  overload<Ints>('_+_(int, int): int', ([a, b]) => checkInt(a + b)),
  overload<Ints>('_-_(int, int): int', ([a, b]) => checkInt(a - b)),
  overload<Ints>('_*_(int, int): int', ([a, b]) => checkInt(a * b)),
  overload<Ints>('_/_(int, int): int', ([a, b]) => checkInt(a / nonZero(b, DIVISION))),
  overload<Ints>('_%_(int, int): int', ([a, b]) => a % nonZero(b, MODULUS)),
  overload<readonly [bigint]>('-_(int): int', ([a]) => checkInt(-a)),
  overload<Uints>('_+_(uint, uint): uint', ([a, b]) => checkUint(a.value + b.value)),
  overload<Uints>('_-_(uint, uint): uint', ([a, b]) => checkUint(a.value - b.value)),
  overload<Uints>('_*_(uint, uint): uint', ([a, b]) => checkUint(a.value * b.value)),
  overload<Uints>('_/_(uint, uint): uint', ([a, b]) => uint(a.value / nonZero(b.value, DIVISION))),
  overload<Uints>('_%_(uint, uint): uint', ([a, b]) => uint(a.value % nonZero(b.value, MODULUS))),
  overload<Doubles>('_+_(double, double): double', ([a, b]) => a + b),
  overload<Doubles>('_-_(double, double): double', ([a, b]) => a - b),
  overload<Doubles>('_*_(double, double): double', ([a, b]) => a * b),
  overload<Doubles>('_/_(double, double): double', ([a, b]) => a / b),
  overload<readonly [number]>('-_(double): double', ([a]) => -a),
  overload<readonly [boolean]>('!_(bool): bool', ([a]) => !a),
  overload<Times>('_+_(timestamp, duration): timestamp', ([a, b]) => timestampOf(a.nanos + b.nanos)),
  overload<Times>('_+_(duration, timestamp): timestamp', ([a, b]) => timestampOf(a.nanos + b.nanos)),
  overload<Times>('_+_(duration, duration): duration', ([a, b]) => durationOf(a.nanos + b.nanos)),
  overload<Times>('_-_(timestamp, timestamp): duration', ([a, b]) => durationOf(a.nanos - b.nanos)),
  overload<Times>('_-_(timestamp, duration): timestamp', ([a, b]) => timestampOf(a.nanos - b.nanos)),
  overload<Times>('_-_(duration, duration): duration', ([a, b]) => durationOf(a.nanos - b.nanos)),
];

const concatenation: readonly Overload[] = [
  overload<readonly [string, string]>('_+_(string, string): string', ([a, b], budget) => {
    spendText(budget, a, b);
    return a + b;
  }),
  overload<readonly [Bytes, Bytes]>('_+_(bytes, bytes): bytes', ([a, b], budget) => {
    budget.spend(Math.ceil((a.bytes.length + b.bytes.length) / 10));
    return { kind: 'bytes', bytes: Uint8Array.from([...a.bytes, ...b.bytes]) };
  }),
  overload<readonly [ListValue, ListValue]>('_+_(list<A>, list<A>): list<A>', ([a, b], budget) =>
    addLists(a, b, budget),
  ),
];

/** Sets become their union; in lists that are maps, the right item replaces the left one. */
function addLists(a: ListValue, b: ListValue, budget: Budget): ListValue {
  budget.spend(a.size + b.size);
  const form = a.form;
  if (!form) return listValue([...itemsOf(a), ...itemsOf(b)]);
  if (form.type === 'set') {
    const added = itemsOf(b).filter((item) => !contains(a, item, budget));
    return { ...listValue([...itemsOf(a), ...added]), form };
  }
  const items = new Map(itemsOf(a).map((item) => [form.keyOf(item), item]));
  for (const item of itemsOf(b)) items.set(form.keyOf(item), item);
  return { ...listValue([...items.values()]), form };
}

const NUMBERS = ['int', 'uint', 'double'];
const ORDERED: readonly (readonly [string, string])[] = [
  ...NUMBERS.flatMap((left) => NUMBERS.map((right) => [left, right] as const)),
  ...['bool', 'string', 'bytes', 'timestamp', 'duration'].map((name) => [name, name] as const),
];

const comparison = (sign: string, holds: (order: number) => boolean): readonly Overload[] =>
  ORDERED.map(([left, right]) =>
    overload<readonly [Value, Value]>(`_${sign}_(${left}, ${right}): bool`, ([a, b], budget) => {
      const order = compare(a, b, budget);
      return order !== undefined && holds(order);
    }),
  );

const relations: readonly Overload[] = [
  ...comparison('<', (order) => order < 0),
  ...comparison('<=', (order) => order <= 0),
  ...comparison('>', (order) => order > 0),
  ...comparison('>=', (order) => order >= 0),
  overload<readonly [Value, Value]>('_==_(A, A): bool', ([a, b], budget) => equal(a, b, budget)),
  overload<readonly [Value, Value]>('_!=_(A, A): bool', ([a, b], budget) => !equal(a, b, budget)),
  overload<readonly [Value, ListValue]>('@in(A, list<A>): bool', ([item, list], budget) =>
    contains(list, item, budget),
  ),
  overload<readonly [Value, MapValue]>('@in(A, map<A, B>): bool', ([key, map], budget) => {
    spendKey(budget, key);
    return map.get(key) !== undefined;
  }),
];

const wholeIndex = (index: Value): number => {
  const number =
    typeof index === 'object' && index !== null && index.kind === 'uint' ? index.value : (index as bigint);
  return Number(number);
};

export function elementOf(list: ListValue, index: Value): Value | undefined {
  const at = wholeIndex(index);
  return at >= 0 && at < list.size ? list.at(at) : undefined;
}

function indexed(list: ListValue, index: bigint): Value {
  const element = elementOf(list, index);
  if (element === undefined) throw new EvaluationError(`index out of bounds: ${index}`);
  return element;
}

function valueOf(map: MapValue, key: Value): Value {
  const value = map.get(key);
  if (value === undefined) throw new EvaluationError(`no such key: ${keyShown(key)}`);
  return value;
}

const MAX_KEY_SHOWN = 200;

function keyShown(key: Value): string {
  if (typeof key === 'string') return key.slice(0, MAX_KEY_SHOWN);
  if (key === null || typeof key !== 'object') return String(key);
  return key.kind === 'uint' ? String(key.value) : key.kind;
}

const maybe = (value: Value | undefined): OptionalValue => (value === undefined ? NONE : some(value));

/** The member of a list or map that is there, if any. */
function inOptional({ value }: OptionalValue, index: Value): OptionalValue {
  if (value === null || value === undefined || typeof value !== 'object') return NONE;
  if (value.kind === 'list') return maybe(elementOf(value, index));
  return value.kind === 'map' ? maybe(value.get(index)) : NONE;
}

const access: readonly Overload[] = [
  overload<readonly [ListValue, bigint]>('_[_](list<A>, int): A', ([list, index]) => indexed(list, index)),
  overload<readonly [MapValue, Value]>('_[_](map<A, B>, A): B', ([map, key], budget) => {
    spendKey(budget, key);
    return valueOf(map, key);
  }),
  overload<readonly [ListValue, bigint]>('_[?_](list<A>, int): optional<A>', ([list, index]) =>
    maybe(elementOf(list, index)),
  ),
  overload<readonly [MapValue, Value]>('_[?_](map<A, B>, A): optional<B>', ([map, key], budget) => {
    spendKey(budget, key);
    return maybe(map.get(key));
  }),
  ...['_[_]', '_[?_]'].flatMap((name) => [
    overload<readonly [OptionalValue, Value]>(
      `${name}(optional<list<A>>, int): optional<A>`,
      ([optional, index], budget) => {
        spendKey(budget, index);
        return inOptional(optional, index);
      },
    ),
    overload<readonly [OptionalValue, Value]>(
      `${name}(optional<map<A, B>>, A): optional<B>`,
      ([optional, key], budget) => {
        spendKey(budget, key);
        return inOptional(optional, key);
      },
    ),
  ]),
];

export const operators: readonly Overload[] = [...arithmetic, ...concatenation, ...relations, ...access];
