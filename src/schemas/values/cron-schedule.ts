/**
 * Schedules of CronJobs: the dialect, the errors and the times of the library that Kubernetes uses
 * (robfig/cron's `ParseStandard`). It is parsed here into lists of numbers, and croner finds the
 * times on a clock without changes of its offset; croner's own dialect and its rules about daylight
 * saving time are others. A time fires whenever the zone's clock shows it: never in a gap, twice
 * where the clock shows it twice.
 */
import { Cron } from 'croner';
import { quote } from '../errors/status.ts';
import { readGoDuration } from './go-duration.ts';
import { isTimeZone, offsetMs } from './time-zones.ts';

export interface Schedule {
  /** The first time after this one, in epoch milliseconds; undefined when there is none. */
  next(afterMs: number): number | undefined;
  /** For `@every`: its times count from the moment that is asked about, not from a clock. */
  readonly everyMs?: number;
}

interface Bounds {
  readonly min: number;
  readonly max: number;
  readonly names?: readonly string[];
}

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
const FIELDS: readonly Bounds[] = [
  { min: 0, max: 59 },
  { min: 0, max: 23 },
  { min: 1, max: 31 },
  { min: 1, max: 12, names: MONTHS },
  { min: 0, max: 6, names: DAYS },
];

const DESCRIPTORS: ReadonlyMap<string, string> = new Map([
  ['@yearly', '0 0 1 1 *'],
  ['@annually', '0 0 1 1 *'],
  ['@monthly', '0 0 1 * *'],
  ['@weekly', '0 0 * * 0'],
  ['@daily', '0 0 * * *'],
  ['@midnight', '0 0 * * *'],
  ['@hourly', '0 * * * *'],
]);
const EVERY = '@every ';

/** A schedule without a time in so many years has none. */
const MAX_YEARS = 5;
/** No zone changes its offset and back within this time. */
const WEEK_MS = 7 * 86_400_000;

/** The schedule, or what is wrong with it. `zone` is the time zone of its fields. */
export function parseSchedule(text: string, zone = 'UTC'): Schedule | string {
  if (text === '') return 'empty spec string';
  const prefix = /^(?:CRON_)?TZ=([^ ]*)(.*)$/s.exec(text);
  if (!prefix) return parseSpec(text, zone);
  const [, name = '', rest = ''] = prefix;
  const problem = zoneProblem(name);
  return problem === undefined
    ? parseSpec(rest.trim(), name === '' || name === 'Local' ? 'UTC' : name)
    : `provided bad location ${name}: ${problem}`;
}

/** Why Go's `time.LoadLocation` refuses the name; undefined when it does not. */
export function zoneProblem(name: string): string | undefined {
  if (name === '' || name === 'Local' || isTimeZone(name)) return undefined;
  return /^[/\\]|(?:^|\/)\.\.(?:\/|$)/.test(name)
    ? 'time: invalid location name'
    : `unknown time zone ${name}`;
}

function parseSpec(spec: string, zone: string): Schedule | string {
  if (!spec.startsWith('@')) return parseFields(spec, zone);
  const fields = DESCRIPTORS.get(spec);
  if (fields !== undefined) return parseFields(fields, zone);
  if (!spec.startsWith(EVERY)) return `unrecognized descriptor: ${spec}`;
  const ms = readGoDuration(spec.slice(EVERY.length));
  if (typeof ms === 'string') return `failed to parse duration ${spec}: ${ms}`;
  const everyMs = Math.max(1, Math.floor(ms / 1000)) * 1000;
  return { everyMs, next: (afterMs) => Math.floor(afterMs / 1000) * 1000 + everyMs };
}

interface Field {
  readonly values: readonly number[];
  /** Any value: then the other day field alone decides. */
  readonly isStar: boolean;
}

function parseFields(spec: string, zone: string): Schedule | string {
  const texts = spec.split(/\s+/).filter((text) => text !== '');
  if (texts.length !== FIELDS.length)
    return `expected exactly ${FIELDS.length} fields, found ${texts.length}: [${texts.join(' ')}]`;
  const fields: Field[] = [];
  for (const [index, bounds] of FIELDS.entries()) {
    const field = parseField(texts[index] ?? '', bounds);
    if (typeof field === 'string') return field;
    fields.push(field);
  }
  // Commas alone name no value, and nothing fires then.
  if (fields.some(({ values }) => values.length === 0)) return { next: () => undefined };
  const pattern = fields.map(({ values, isStar }) => (isStar ? '*' : values.join(','))).join(' ');
  const cron = new Cron(pattern, { mode: '5-part', utcOffset: 0, paused: true });
  return { next: (afterMs) => nextIn(zone, cron, afterMs) };
}

function parseField(text: string, bounds: Bounds): Field | string {
  const values = new Set<number>();
  let isStar = false;
  for (const part of text.split(',')) {
    if (part === '') continue;
    const range = parseRange(part, bounds);
    if (typeof range === 'string') return range;
    for (let value = range.start; value <= range.end; value += range.step) values.add(value);
    isStar ||= range.isStar;
  }
  return { values: [...values].sort((a, b) => a - b), isStar };
}

interface Range {
  readonly start: number;
  readonly end: number;
  readonly step: number;
  readonly isStar: boolean;
}

/** `*`, `?`, `5`, `mon-fri`, each with `/step` or without it. */
function parseRange(text: string, { min, max, names = [] }: Bounds): Range | string {
  const [span = '', stepText, ...more] = text.split('/');
  const [low = '', high, ...rest] = span.split('-');
  const isAny = low === '*' || low === '?';
  const start = isAny ? min : parseNumber(low, names, min);
  if (typeof start === 'string') return start;
  if (!isAny && rest.length > 0) return `too many hyphens: ${text}`;
  let end = isAny ? max : high === undefined ? start : parseNumber(high, names, min);
  if (typeof end === 'string') return end;
  if (more.length > 0) return `too many slashes: ${text}`;
  const step = stepText === undefined ? 1 : parseNumber(stepText, [], min);
  if (typeof step === 'string') return step;
  // `5/15` means from 5 to the end.
  if (stepText !== undefined && high === undefined) end = max;
  if (start < min) return `beginning of range (${start}) below minimum (${min}): ${text}`;
  if (end > max) return `end of range (${end}) above maximum (${max}): ${text}`;
  if (start > end) return `beginning of range (${start}) beyond end of range (${end}): ${text}`;
  if (step === 0) return `step of range should be a positive number: ${text}`;
  return { start, end, step, isStar: isAny && step === 1 };
}

/** Names count from the field's minimum. */
function parseNumber(text: string, names: readonly string[], min: number): number | string {
  const named = names.indexOf(text.toLowerCase());
  if (named >= 0) return named + min;
  const complain = (problem: string): string =>
    `failed to parse int from ${text}: strconv.Atoi: parsing ${quote(text)}: ${problem}`;
  if (!/^[-+]?\d+$/.test(text)) return complain('invalid syntax');
  const value = BigInt(text.replace('+', ''));
  if (BigInt.asIntN(64, value) !== value) return complain('value out of range');
  return value < 0n ? `negative number (${value}) not allowed: ${text}` : Number(value);
}

/** The first moment after this one at which the zone's clock shows a time of the pattern. */
function nextIn(zone: string, cron: Cron, afterMs: number): number | undefined {
  const lastYear = new Date(afterMs).getUTCFullYear() + MAX_YEARS;
  let fromMs = afterMs;
  let startMs = afterMs;
  let offset = offsetMs(startMs, zone);
  for (;;) {
    const wall = cron.nextRun(new Date(fromMs + offset));
    if (!wall || wall.getUTCFullYear() > lastYear) return undefined;
    const found = wall.getTime() - offset;
    const changeMs = zone === 'UTC' ? undefined : firstChange(zone, startMs, found, offset);
    if (changeMs === undefined) return found;
    startMs = changeMs;
    fromMs = changeMs - 1;
    offset = offsetMs(startMs, zone);
  }
}

/** The first millisecond in (from, to] at which the zone has another offset. */
function firstChange(zone: string, fromMs: number, toMs: number, offset: number): number | undefined {
  for (let atMs = fromMs; atMs < toMs; atMs += WEEK_MS) {
    let late = Math.min(atMs + WEEK_MS, toMs);
    if (offsetMs(late, zone) === offset) continue;
    let early = atMs;
    while (late - early > 1) {
      const middle = Math.floor((early + late) / 2);
      if (offsetMs(middle, zone) === offset) early = middle;
      else late = middle;
    }
    return late;
  }
  return undefined;
}
