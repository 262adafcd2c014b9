/** Points and spans of time: reading, writing, and their parts. */
import { EvaluationError } from '../errors.ts';
import { type Overload, overload } from '../overload.ts';
import type { DurationValue, TimestampValue } from '../values.ts';
import { wallTimeMs } from '../../values/time-zones.ts';
import { durationOf, timestampOf } from './operators.ts';

const NANOS = 1_000_000_000n;
const MILLION = 1_000_000n;

const RFC3339 = /^(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2}:\d{2})(?:\.(\d{1,9})\d*)?(Z|[+-]\d{2}:\d{2})$/;

/** Longer texts are no times. */
const MAX_TIMESTAMP_TEXT = 64;

export function parseTimestamp(text: string): TimestampValue | undefined {
  if (text.length > MAX_TIMESTAMP_TEXT) return undefined;
  const [, date, time, fraction = '', zone] = RFC3339.exec(text) ?? [];
  if (date === undefined || time === undefined || zone === undefined) return undefined;
  const ms = Date.parse(`${date}T${time}${zone}`);
  if (Number.isNaN(ms)) return undefined;
  return timestampOf(BigInt(ms) * MILLION + BigInt(fraction.padEnd(9, '0')));
}

export function formatTimestamp({ nanos }: TimestampValue): string {
  const seconds = floorDivide(nanos, NANOS);
  const rest = nanos - seconds * NANOS;
  const text = new Date(Number(seconds) * 1000).toISOString().slice(0, 19);
  const fraction = rest === 0n ? '' : `.${String(rest).padStart(9, '0').replace(/0+$/, '')}`;
  return `${text}${fraction}Z`;
}

const floorDivide = (value: bigint, divisor: bigint): bigint => {
  const quotient = value / divisor;
  return value % divisor < 0n ? quotient - 1n : quotient;
};

const UNITS: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1000n,
  µs: 1000n,
  μs: 1000n,
  ms: MILLION,
  s: NANOS,
  m: 60n * NANOS,
  h: 3600n * NANOS,
};
/** Longer texts are no durations that 64 bits can hold. */
const MAX_DURATION_TEXT = 128;

/** As Go writes them: `1h30m`, `-1.5s`, `0`. */
export function parseDuration(text: string): DurationValue | undefined {
  if (text.length > MAX_DURATION_TEXT) return undefined;
  const [, sign, body = ''] = /^([-+]?)(.*)$/s.exec(text) ?? [];
  if (body === '0') return { kind: 'duration', nanos: 0n };
  let nanos = 0n;
  let rest = body;
  while (rest !== '') {
    // One letter beyond Latin-1 would double the memory that V8 keeps the whole bundle in.
    const match = /^(\d*)(?:\.(\d*))?(ns|us|µs|\u03bcs|ms|s|m|h)/.exec(rest);
    const [all = '', whole = '', fraction = '', unit = ''] = match ?? [];
    if (!match || (whole === '' && fraction === '')) return undefined;
    const scale = UNITS[unit] ?? 0n;
    nanos += BigInt(whole || '0') * scale;
    if (fraction !== '') nanos += (BigInt(fraction) * scale) / 10n ** BigInt(fraction.length);
    rest = rest.slice(all.length);
  }
  if (body === '') return undefined;
  return durationOf(sign === '-' ? -nanos : nanos);
}

export function formatDuration({ nanos }: DurationValue): string {
  const sign = nanos < 0n ? '-' : '';
  const size = nanos < 0n ? -nanos : nanos;
  const fraction = String(size % NANOS)
    .padStart(9, '0')
    .replace(/0+$/, '');
  return `${sign}${size / NANOS}${fraction === '' ? '' : `.${fraction}`}s`;
}

/** The moment with the clock of a zone, read as if it were UTC. */
function inZone({ nanos }: TimestampValue, zone: string | undefined): Date {
  const ms = Number(floorDivide(nanos, MILLION));
  if (zone === undefined || zone === '' || zone === 'UTC') return new Date(ms);
  const [, sign, hours, minutes] = /^([-+]?)(\d{2}):(\d{2})$/.exec(zone) ?? [];
  if (hours !== undefined) {
    const offset = (Number(hours) * 60 + Number(minutes)) * (sign === '-' ? -1 : 1);
    return new Date(ms + offset * 60_000);
  }
  try {
    return new Date(wallTimeMs(ms, zone));
  } catch {
    throw new EvaluationError(`unknown time zone ${zone}`);
  }
}

/** A zone is looked up each time. */
const ZONE_COST = 2000;
const DAY_MS = 86_400_000;
const PARTS: readonly (readonly [string, (date: Date) => number])[] = [
  ['getFullYear', (date) => date.getUTCFullYear()],
  ['getMonth', (date) => date.getUTCMonth()],
  ['getDate', (date) => date.getUTCDate()],
  ['getDayOfMonth', (date) => date.getUTCDate() - 1],
  ['getDayOfWeek', (date) => date.getUTCDay()],
  ['getDayOfYear', (date) => Math.floor((date.getTime() - Date.UTC(date.getUTCFullYear(), 0, 1)) / DAY_MS)],
  ['getHours', (date) => date.getUTCHours()],
  ['getMinutes', (date) => date.getUTCMinutes()],
  ['getSeconds', (date) => date.getUTCSeconds()],
  ['getMilliseconds', (date) => date.getUTCMilliseconds()],
];

const SPANS: readonly (readonly [string, bigint])[] = [
  ['getHours', 3600n * NANOS],
  ['getMinutes', 60n * NANOS],
  ['getSeconds', NANOS],
  ['getMilliseconds', MILLION],
];

export const times: readonly Overload[] = [
  ...PARTS.flatMap(([name, part]) => [
    overload<readonly [TimestampValue]>(`timestamp.${name}(): int`, ([time]) =>
      BigInt(part(inZone(time, undefined))),
    ),
    overload<readonly [TimestampValue, string]>(`timestamp.${name}(string): int`, ([time, zone], budget) => {
      budget.spend(ZONE_COST);
      return BigInt(part(inZone(time, zone)));
    }),
  ]),
  ...SPANS.map(([name, unit]) =>
    overload<readonly [DurationValue]>(`duration.${name}(): int`, ([span]) =>
      name === 'getMilliseconds' ? (span.nanos / unit) % 1000n : span.nanos / unit,
    ),
  ),
];
