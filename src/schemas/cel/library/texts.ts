/** The extension library of texts, and regular expressions. Positions count code points. */
import { SHORT_ESCAPES } from '../../errors/status.ts';
import type { Budget } from '../budget.ts';
import { EvaluationError } from '../errors.ts';
import { type Overload, overload, spendText } from '../overload.ts';
import { itemsOf, type ListValue, listValue, type MapValue, type Value } from '../values.ts';
import { formatDouble, regexOf } from './standard.ts';
import { formatDuration, formatTimestamp } from './times.ts';

const points = (text: string, budget: Budget): readonly string[] => {
  spendText(budget, text);
  return Array.from(text);
};

const outOfRange = (index: bigint): EvaluationError => new EvaluationError(`index out of range: ${index}`);

/** Where the part is, from a position on; -1 where it is not. */
function find(text: string, part: string, from: bigint, budget: Budget): bigint {
  const all = points(text, budget);
  if (from < 0n || from > BigInt(all.length)) throw outOfRange(from);
  const start = all.slice(0, Number(from)).join('').length;
  const found = text.indexOf(part, start);
  return found < 0 ? -1n : BigInt(Array.from(text.slice(0, found)).length);
}

function findLast(text: string, part: string, from: bigint | undefined, budget: Budget): bigint {
  const all = points(text, budget);
  if (from !== undefined && (from < 0n || from > BigInt(all.length))) throw outOfRange(from);
  const start = from === undefined ? text.length : all.slice(0, Number(from)).join('').length;
  const found = text.lastIndexOf(part, start);
  return found < 0 ? -1n : BigInt(Array.from(text.slice(0, found)).length);
}

function slice(text: string, from: bigint, to: bigint | undefined, budget: Budget): string {
  const all = points(text, budget);
  const end = to ?? BigInt(all.length);
  if (from < 0n || from > BigInt(all.length)) throw outOfRange(from);
  if (end < 0n || end > BigInt(all.length)) throw outOfRange(end);
  if (from > end) throw new EvaluationError(`invalid substring range. start: ${from}, end: ${end}`);
  return all.slice(Number(from), Number(end)).join('');
}

/** At most so many replacements; negative is all of them. */
function replace(text: string, part: string, by: string, limit: bigint, budget: Budget): string {
  spendText(budget, text);
  const pieces = part === '' ? ['', ...Array.from(text), ''] : text.split(part);
  const count = limit < 0n ? pieces.length - 1 : Math.min(Number(limit), pieces.length - 1);
  // The result may be longer than the input.
  budget.spend(Math.ceil((count * by.length) / 10));
  const replaced = pieces.slice(0, count + 1).join(by);
  return [replaced, ...pieces.slice(count + 1)].join(part);
}

function split(text: string, separator: string, limit: bigint, budget: Budget): ListValue {
  spendText(budget, text);
  if (limit === 0n) return listValue([]);
  const pieces = separator === '' ? Array.from(text) : text.split(separator);
  budget.spend(pieces.length);
  if (limit < 0n || BigInt(pieces.length) <= limit) return listValue(pieces);
  const kept = pieces.slice(0, Number(limit) - 1);
  return listValue([...kept, pieces.slice(kept.length).join(separator)]);
}

function join(list: ListValue, separator: string, budget: Budget): string {
  budget.spend(list.size);
  const parts = itemsOf(list).map((item) => {
    if (typeof item !== 'string') throw new EvaluationError('no such overload');
    spendText(budget, item, separator);
    return item;
  });
  return parts.join(separator);
}

type TextAt = readonly [string, string, bigint];

export const texts: readonly Overload[] = [
  overload<readonly [string, bigint]>('string.charAt(int): string', ([text, index], budget) => {
    const all = points(text, budget);
    if (index < 0n || index > BigInt(all.length)) throw outOfRange(index);
    return all[Number(index)] ?? '';
  }),
  overload<readonly [string, string]>('string.indexOf(string): int', ([text, part], budget) =>
    find(text, part, 0n, budget),
  ),
  overload<TextAt>('string.indexOf(string, int): int', ([text, part, from], budget) =>
    find(text, part, from, budget),
  ),
  overload<readonly [string, string]>('string.lastIndexOf(string): int', ([text, part], budget) =>
    findLast(text, part, undefined, budget),
  ),
  overload<TextAt>('string.lastIndexOf(string, int): int', ([text, part, from], budget) =>
    findLast(text, part, from, budget),
  ),
  overload<readonly [string]>('string.lowerAscii(): string', ([text], budget) => {
    spendText(budget, text);
    return text.replace(/[A-Z]+/g, (part) => part.toLowerCase());
  }),
  overload<readonly [string]>('string.upperAscii(): string', ([text], budget) => {
    spendText(budget, text);
    return text.replace(/[a-z]+/g, (part) => part.toUpperCase());
  }),
  overload<readonly [string, string, string]>(
    'string.replace(string, string): string',
    ([text, part, by], budget) => replace(text, part, by, -1n, budget),
  ),
  overload<readonly [string, string, string, bigint]>(
    'string.replace(string, string, int): string',
    ([text, part, by, limit], budget) => replace(text, part, by, limit, budget),
  ),
  overload<readonly [string, string]>('string.split(string): list<string>', ([text, separator], budget) =>
    split(text, separator, -1n, budget),
  ),
  overload<TextAt>('string.split(string, int): list<string>', ([text, separator, limit], budget) =>
    split(text, separator, limit, budget),
  ),
  overload<readonly [string, bigint]>('string.substring(int): string', ([text, from], budget) =>
    slice(text, from, undefined, budget),
  ),
  overload<readonly [string, bigint, bigint]>(
    'string.substring(int, int): string',
    ([text, from, to], budget) => slice(text, from, to, budget),
  ),
  overload<readonly [string]>('string.trim(): string', ([text], budget) => {
    spendText(budget, text);
    return text.trim();
  }),
  overload<readonly [string]>('string.reverse(): string', ([text], budget) =>
    [...points(text, budget)].reverse().join(''),
  ),
  overload<readonly [ListValue]>('list<string>.join(): string', ([list], budget) => join(list, '', budget)),
  overload<readonly [ListValue, string]>('list<string>.join(string): string', ([list, separator], budget) =>
    join(list, separator, budget),
  ),
  overload<readonly [string]>('static strings.quote(string): string', ([text], budget) => {
    spendText(budget, text);
    return `"${text.replace(/["\\\x07\b\f\n\r\t\v]/g, (char) => SHORT_ESCAPES[char] ?? char)}"`;
  }),
  overload<readonly [string, ListValue]>('string.format(list<dyn>): string', ([text, list], budget) =>
    format(text, itemsOf(list), budget),
  ),
  overload<readonly [string, string]>('string.find(string): string', ([text, pattern], budget) => {
    const regex = regexOf(pattern, text, budget);
    budget.spend(text.length);
    const [first = ''] = regex.findAll(text, 1);
    return first;
  }),
  overload<readonly [string, string]>('string.findAll(string): list<string>', ([text, pattern], budget) =>
    findAll(text, pattern, MAX_FOUND, budget),
  ),
  overload<TextAt>('string.findAll(string, int): list<string>', ([text, pattern, limit], budget) =>
    findAll(text, pattern, limit < 0n ? MAX_FOUND : Math.min(Number(limit), MAX_FOUND), budget),
  ),
];

/** More matches than characters in the longest text there can be. */
const MAX_FOUND = 2 ** 24;
/** The cost of beginning anew after a match. */
const MATCH_COST = 5;

function findAll(text: string, pattern: string, limit: number, budget: Budget): ListValue {
  const regex = regexOf(pattern, text, budget);
  // Finding the position of a match takes far longer than testing for one.
  budget.spend(text.length + Math.min(text.length, limit) * MATCH_COST);
  return listValue(regex.findAll(text, limit));
}

/** The largest precision. */
const MAX_PRECISION = 100;

/** `%s %d %f %e %b %x %X %o`, with a precision where a fraction is written. */
function format(text: string, args: readonly Value[], budget: Budget): string {
  let next = 0;
  let result = '';
  const pattern = /%(?:(%)|(?:\.(\d+))?([sdfebxXo]))|%/g;
  let from = 0;
  for (const match of text.matchAll(pattern)) {
    result += text.slice(from, match.index);
    from = match.index + match[0].length;
    const [whole, percent, precision, verb] = match;
    if (percent !== undefined) {
      result += '%';
      continue;
    }
    if (verb === undefined) throw new EvaluationError(`could not parse formatting clause: ${whole}`);
    const value = args[next];
    if (value === undefined) throw new EvaluationError(`index ${next} out of range`);
    next += 1;
    const digits = precision === undefined ? undefined : Math.min(Number(precision), MAX_PRECISION);
    const written = formatClause(verb, digits, value, budget);
    spendText(budget, written);
    result += written;
  }
  spendText(budget, text);
  return result + text.slice(from);
}

function formatClause(verb: string, digits: number | undefined, value: Value, budget: Budget): string {
  const bad = (): EvaluationError => new EvaluationError(`could not convert argument to %${verb}`);
  const whole =
    typeof value === 'bigint'
      ? value
      : typeof value === 'object' && value?.kind === 'uint'
        ? value.value
        : undefined;
  const real = typeof value === 'number' ? value : whole === undefined ? undefined : Number(whole);
  const signed = (text: (size: bigint) => string): string => {
    if (whole === undefined) throw bad();
    return whole < 0n ? `-${text(-whole)}` : text(whole);
  };
  switch (verb) {
    case 's':
      return shown(value, budget);
    case 'd':
      if (whole === undefined && typeof value !== 'number') throw bad();
      return whole === undefined ? formatDouble(value as number) : String(whole);
    case 'f':
      if (real === undefined) throw bad();
      return Number.isFinite(real) ? real.toFixed(digits ?? 6) : formatDouble(real);
    case 'e':
      if (real === undefined) throw bad();
      return real.toExponential(digits ?? 6).replace(/e([+-])(\d)$/, 'e$10$2');
    case 'b':
      if (typeof value === 'boolean') return value ? '1' : '0';
      return signed((size) => size.toString(2));
    case 'o':
      return signed((size) => size.toString(8));
    default: {
      const upper = verb === 'X';
      const hex =
        typeof value === 'string'
          ? Buffer.from(value, 'utf8').toString('hex')
          : typeof value === 'object' && value?.kind === 'bytes'
            ? Buffer.from(value.bytes).toString('hex')
            : signed((size) => size.toString(16));
      return upper ? hex.toUpperCase() : hex;
    }
  }
}

/** The text that `%s` makes of a value. */
function shown(value: Value, budget: Budget): string {
  budget.spend(1);
  if (value === null) return 'null';
  if (typeof value === 'number') return formatDouble(value);
  if (typeof value !== 'object') return String(value);
  switch (value.kind) {
    case 'uint':
      return String(value.value);
    case 'bytes':
      return Buffer.from(value.bytes).toString('utf8');
    case 'timestamp':
      return formatTimestamp(value);
    case 'duration':
      return formatDuration(value);
    case 'type':
      return value.name;
    case 'list':
      return `[${itemsOf(value)
        .map((item) => shown(item, budget))
        .join(', ')}]`;
    case 'map':
      return shownMap(value, budget);
    case 'opaque':
      return value.text;
    case 'optional':
      throw new EvaluationError(
        'string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps',
      );
  }
}

function shownMap(map: MapValue, budget: Budget): string {
  const members = map.keys().map((key) => `${shown(key, budget)}: ${shown(map.get(key) ?? null, budget)}`);
  return `{${members.sort().join(', ')}}`;
}
