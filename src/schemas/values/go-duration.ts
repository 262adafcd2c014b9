/** Durations as Go writes them (`1h30m`, `-1.5s`, `0`), with the errors of its `ParseDuration`. */
import { quote } from '../errors/status.ts';

const UNITS_MS: ReadonlyMap<string, number> = new Map([
  ['ns', 1e-6],
  ['us', 1e-3],
  ['\u00b5s', 1e-3],
  ['\u03bcs', 1e-3],
  ['ms', 1],
  ['s', 1_000],
  ['m', 60_000],
  ['h', 3_600_000],
]);
/** 2^63 nanoseconds: some 292 years. */
const MAX_MS = 2 ** 63 / 1e6;

/** Milliseconds, or what is wrong with the text. */
export function readGoDuration(text: string): number | string {
  const complain = (problem: string): string => `time: ${problem} duration ${quote(text)}`;
  const [, sign = '', body = ''] = /^([-+]?)(.*)$/s.exec(text) ?? [];
  if (body === '0') return 0;
  if (body === '') return complain('invalid');
  let total = 0;
  let rest = body;
  while (rest !== '') {
    const [all = '', amount = '', unit = ''] = /^(\d+\.?\d*|\.\d+)([^.\d]*)/.exec(rest) ?? [];
    if (amount === '') return complain('invalid');
    if (unit === '') return complain('missing unit in');
    const scale = UNITS_MS.get(unit);
    if (scale === undefined) return complain(`unknown unit ${quote(unit)} in`);
    total += Number(amount) * scale;
    rest = rest.slice(all.length);
  }
  if (total > MAX_MS) return complain('invalid');
  return sign === '-' ? -total : total;
}
