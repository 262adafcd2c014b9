/** Limits the patterns of a definition. */
import { isRecord } from '../../base/json.ts';

/**
 * Characters of all different patterns of one definition. Each takes a microsecond to compile and
 * some hundred bytes; the largest definitions have a tenth of this.
 */
export const MAX_PATTERN_CHARS = 50_000;

/** Counts everything that is called `pattern` below the value. Bodies are of limited depth. */
export function patternChars(value: unknown): number {
  const patterns = new Set<string>();
  const open: unknown[] = [value];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (isRecord(next) && typeof next['pattern'] === 'string') patterns.add(next['pattern']);
    if (typeof next !== 'object' || next === null) continue;
    for (const member of Object.values(next)) if (typeof member === 'object') open.push(member);
  }
  return [...patterns].reduce((sum, pattern) => sum + pattern.length, 0);
}
