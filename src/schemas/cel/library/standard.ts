/** Sizes, searching in texts, and conversions: the functions of the language definition. */
import { ownMember } from '../../../base/json.ts';
import { compileRegex, type Regex } from '../../values/regex.ts';
import type { Budget } from '../budget.ts';
import { EvaluationError, shownText } from '../errors.ts';
import { type Overload, overload, spendText } from '../overload.ts';
import {
  type Bytes,
  type DurationValue,
  type ListValue,
  type MapValue,
  type TimestampValue,
  type TypeValue,
  typeName,
  typeValue,
  type Uint,
  uint,
  type Value,
} from '../values.ts';
import { checkInt, checkUint, MAX_INT, MAX_UINT, MIN_INT, timestampOf } from './operators.ts';
import { formatDuration, formatTimestamp, parseDuration, parseTimestamp, times } from './times.ts';

/** Code points: what a text is long. */
export function textSize(text: string, budget: Budget): bigint {
  spendText(budget, text);
  let size = text.length;
  for (const char of text) size -= char.length - 1;
  return BigInt(size);
}

const sizes: readonly Overload[] = ['size(%): int', '%.size(): int'].flatMap((form) => [
  overload<readonly [string]>(form.replace('%', 'string'), ([text], budget) => textSize(text, budget)),
  overload<readonly [Bytes]>(form.replace('%', 'bytes'), ([{ bytes }]) => BigInt(bytes.length)),
  overload<readonly [ListValue]>(form.replace('%', 'list<A>'), ([list]) => BigInt(list.size)),
  overload<readonly [MapValue]>(form.replace('%', 'map<A, B>'), ([map]) => BigInt(map.size)),
]);

/** Throws if the pattern is invalid. The cost is upstream's: text by pattern. */
export function regexOf(pattern: string, text: string, budget: Budget): Regex {
  budget.spend(Math.ceil((text.length + 1) / 10) * Math.max(1, Math.ceil(pattern.length / 4)));
  const regex = compileRegex(pattern);
  if (typeof regex === 'string') throw new EvaluationError(regex);
  return regex;
}

type Texts = readonly [string, string];
const searches: readonly Overload[] = [
  overload<Texts>('string.contains(string): bool', ([text, part], budget) => {
    spendText(budget, text, part);
    return text.includes(part);
  }),
  overload<Texts>('string.startsWith(string): bool', ([text, part], budget) => {
    spendText(budget, part);
    return text.startsWith(part);
  }),
  overload<Texts>('string.endsWith(string): bool', ([text, part], budget) => {
    spendText(budget, part);
    return text.endsWith(part);
  }),
  ...['matches(string, string): bool', 'string.matches(string): bool'].map((signature) =>
    overload<Texts>(signature, ([text, pattern], budget) => regexOf(pattern, text, budget).test(text)),
  ),
];

/** `bad` is upstream's error for a text of another form. */
const read = <T>(value: T | undefined, bad: string): T => {
  if (value === undefined) throw new EvaluationError(bad);
  return value;
};

/** Longer texts are no numbers of 64 bits. */
const MAX_NUMBER_TEXT = 512;

function wholeNumber(text: string, bad: string): bigint {
  if (text.length > MAX_NUMBER_TEXT || !/^[-+]?\d+$/.test(text)) throw new EvaluationError(bad);
  return BigInt(text.replace('+', ''));
}

function fromDouble(value: number): bigint {
  if (!Number.isFinite(value)) throw new EvaluationError('integer overflow');
  return BigInt(Math.trunc(value));
}

export function formatDouble(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  const size = Math.abs(value);
  if (size !== 0 && size < 1e-4) {
    // Two digits at least, as Go writes exponents.
    const [digits = '', exponent = ''] = value.toExponential().split('e-');
    return `${digits}e-${exponent.padStart(2, '0')}`;
  }
  return String(value);
}

const SAFE_TEXT = new TextDecoder('utf-8', { fatal: true });
const ENCODER = new TextEncoder();

function decodeText({ bytes }: Bytes, budget: Budget): string {
  budget.spend(Math.ceil(bytes.length / 10));
  try {
    return SAFE_TEXT.decode(bytes);
  } catch {
    throw new EvaluationError('invalid UTF-8 in bytes, cannot convert to string');
  }
}

const toInt: readonly Overload[] = [
  overload<readonly [bigint]>('int(int): int', ([value]) => value),
  overload<readonly [Uint]>('int(uint): int', ([{ value }]) => checkInt(value)),
  overload<readonly [number]>('int(double): int', ([value]) => checkInt(fromDouble(value))),
  overload<readonly [string]>('int(string): int', ([text]) => {
    const bad = `strconv.ParseInt: parsing ${shownText(text)}: invalid syntax`;
    const value = wholeNumber(text, bad);
    if (value > MAX_INT || value < MIN_INT)
      throw new EvaluationError(`strconv.ParseInt: parsing ${shownText(text)}: value out of range`);
    return value;
  }),
  overload<readonly [TimestampValue]>('int(timestamp): int', ([{ nanos }]) => nanos / 1_000_000_000n),
];
const toUint: readonly Overload[] = [
  overload<readonly [Uint]>('uint(uint): uint', ([value]) => value),
  overload<readonly [bigint]>('uint(int): uint', ([value]) => checkUint(value)),
  overload<readonly [number]>('uint(double): uint', ([value]) => checkUint(fromDouble(value))),
  overload<readonly [string]>('uint(string): uint', ([text]) => {
    const bad = `strconv.ParseUint: parsing ${shownText(text)}: invalid syntax`;
    const value = wholeNumber(text, bad);
    if (text.startsWith('-') || text.startsWith('+')) throw new EvaluationError(bad);
    if (value > MAX_UINT)
      throw new EvaluationError(`strconv.ParseUint: parsing ${shownText(text)}: value out of range`);
    return uint(value);
  }),
];
const toDouble: readonly Overload[] = [
  overload<readonly [number]>('double(double): double', ([value]) => value),
  overload<readonly [bigint]>('double(int): double', ([value]) => Number(value)),
  overload<readonly [Uint]>('double(uint): double', ([{ value }]) => Number(value)),
  overload<readonly [string]>('double(string): double', ([text]) => {
    const isNumber = text.length <= MAX_NUMBER_TEXT && /^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$/.test(text);
    if (isNumber) return Number(text);
    const special = { nan: Number.NaN, inf: Infinity, '+inf': Infinity, '-inf': -Infinity };
    const value = ownMember<number>(special, text.slice(0, MAX_NUMBER_TEXT).toLowerCase());
    return read(value, `strconv.ParseFloat: parsing ${shownText(text)}: invalid syntax`);
  }),
];
const toText: readonly Overload[] = [
  overload<readonly [string]>('string(string): string', ([value]) => value),
  overload<readonly [boolean]>('string(bool): string', ([value]) => String(value)),
  overload<readonly [bigint]>('string(int): string', ([value]) => String(value)),
  overload<readonly [Uint]>('string(uint): string', ([{ value }]) => String(value)),
  overload<readonly [number]>('string(double): string', ([value]) => formatDouble(value)),
  overload<readonly [Bytes]>('string(bytes): string', ([value], budget) => decodeText(value, budget)),
  overload<readonly [TimestampValue]>('string(timestamp): string', ([value]) => formatTimestamp(value)),
  overload<readonly [DurationValue]>('string(duration): string', ([value]) => formatDuration(value)),
];

const others: readonly Overload[] = [
  overload<readonly [Bytes]>('bytes(bytes): bytes', ([value]) => value),
  overload<readonly [string]>('bytes(string): bytes', ([text], budget) => {
    spendText(budget, text);
    return { kind: 'bytes', bytes: ENCODER.encode(text) };
  }),
  overload<readonly [boolean]>('bool(bool): bool', ([value]) => value),
  overload<readonly [string]>('bool(string): bool', ([text]) => {
    if (['1', 't', 'T', 'true', 'TRUE', 'True'].includes(text)) return true;
    if (['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(text)) return false;
    throw new EvaluationError(`strconv.ParseBool: parsing ${shownText(text)}: invalid syntax`);
  }),
  overload<readonly [TimestampValue]>('timestamp(timestamp): timestamp', ([value]) => value),
  overload<readonly [bigint]>('timestamp(int): timestamp', ([value]) => timestampOf(value * 1_000_000_000n)),
  overload<readonly [string]>('timestamp(string): timestamp', ([text]) =>
    read(parseTimestamp(text), `invalid timestamp ${shownText(text)}`),
  ),
  overload<readonly [DurationValue]>('duration(duration): duration', ([value]) => value),
  overload<readonly [string]>('duration(string): duration', ([text]) =>
    read(parseDuration(text), `time: invalid duration ${shownText(text)}`),
  ),
  overload<readonly [Value]>('dyn(A): dyn', ([value]) => value),
  overload<readonly [Value]>('type(A): type', ([value]): TypeValue => typeValue(typeName(value))),
];

export const standard: readonly Overload[] = [
  ...sizes,
  ...searches,
  ...toInt,
  ...toUint,
  ...toDouble,
  ...toText,
  ...others,
  ...times,
];
