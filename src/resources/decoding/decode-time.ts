/**
 * Times as Go's decoder reads RFC 3339, with its complaints, and as Kubernetes stores them: in UTC,
 * to the second or, where the layout has a fraction, to the microsecond. Pure.
 */
import { createBoundedMap } from '../../base/bounded-map.ts';

const SECONDS = '2006-01-02T15:04:05Z07:00';
const MICROSECONDS = '2006-01-02T15:04:05.000000Z07:00';

export type DecodedTime = { readonly time: string } | { readonly error: string };

/** A part of a layout: text that stands for itself, or digits with their range and name. */
type Part =
  | { readonly literal: string }
  | {
      readonly layout: string;
      readonly digits: number;
      readonly name?: string;
      readonly range?: readonly [number, number];
    };

const PARTS: readonly Part[] = [
  { layout: '2006', digits: 4 },
  { literal: '-' },
  { layout: '01', digits: 2, name: 'month', range: [1, 12] },
  { literal: '-' },
  // The days of a month depend on the rest.
  { layout: '02', digits: 2 },
  { literal: 'T' },
  { layout: '15', digits: 2, name: 'hour', range: [0, 23] },
  { literal: ':' },
  { layout: '04', digits: 2, name: 'minute', range: [0, 59] },
  { literal: ':' },
  { layout: '05', digits: 2, name: 'second', range: [0, 59] },
];

class Unreadable extends Error {
  override readonly name = 'Unreadable';
}

/** Reports of one moment repeat few times. */
const known = createBoundedMap<string, DecodedTime>(256);
/** The longest text with nanoseconds and a zone. Longer ones would take memory. */
const MAX_KNOWN_LENGTH = 35;

export function decodeTime(text: string, isMicro: boolean): DecodedTime {
  if (text.length > MAX_KNOWN_LENGTH) return decoded(text, isMicro);
  return known.remember(isMicro ? `${text} micro` : text, () => decoded(text, isMicro));
}

function decoded(text: string, isMicro: boolean): DecodedTime {
  const layout = isMicro ? MICROSECONDS : SECONDS;
  try {
    return { time: read(text, isMicro) };
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    const why = error.message;
    return {
      error: why.startsWith(':')
        ? `parsing time ${JSON.stringify(text)}${why}`
        : `parsing time ${JSON.stringify(text)} as "${layout}": ${why}`,
    };
  }
}

const cannot = (rest: string, layout: string): Unreadable =>
  new Unreadable(`cannot parse ${JSON.stringify(rest)} as "${layout}"`);

function read(text: string, isMicro: boolean): string {
  const numbers: number[] = [];
  let rest = text;
  for (const part of PARTS) {
    if ('literal' in part) {
      if (!rest.startsWith(part.literal)) throw cannot(rest, part.literal);
      rest = rest.slice(1);
      continue;
    }
    const digits = rest.slice(0, part.digits);
    if (digits.length < part.digits || !/^\d+$/.test(digits)) throw cannot(rest, part.layout);
    const number = Number(digits);
    if (part.range && (number < part.range[0] || number > part.range[1]))
      throw new Unreadable(`: ${part.name ?? ''} out of range`);
    numbers.push(number);
    rest = rest.slice(part.digits);
  }
  // A fraction that the layout does not have is read all the same.
  const fraction = /^[.,]\d+/.exec(rest)?.[0] ?? '';
  if (isMicro && !/^\.\d{6}/.test(rest)) throw cannot(rest, '.000000');
  const micros = isMicro ? rest.slice(1, 7) : '';
  rest = rest.slice(isMicro ? 7 : fraction.length);
  const zone = /^(?:Z|([+-])(\d\d):(\d\d))/.exec(rest);
  if (!zone) throw cannot(rest, 'Z07:00');
  rest = rest.slice(zone[0].length);
  const offset = minutesOf(zone);
  if (rest !== '') throw new Unreadable(`: extra text: ${JSON.stringify(rest)}`);
  return inUtc(numbers, offset, micros);
}

function minutesOf([, sign, hours = '0', minutes = '0']: RegExpExecArray): number {
  if (Number(hours) > 24) throw new Unreadable(': time zone offset hour out of range');
  if (Number(minutes) >= 60) throw new Unreadable(': time zone offset minute out of range');
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes));
}

function inUtc(numbers: readonly number[], offset: number, micros: string): string {
  const [year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0] = numbers;
  const at = new Date(0);
  // Unlike the constructor, these take the first centuries as they are.
  at.setUTCFullYear(year, month - 1, day);
  if (at.getUTCMonth() !== month - 1 || at.getUTCDate() !== day) throw new Unreadable(': day out of range');
  at.setUTCHours(hour, minute - offset, second);
  const seconds = at.toISOString().slice(0, -'.000Z'.length);
  return micros === '' ? `${seconds}Z` : `${seconds}.${micros}Z`;
}
