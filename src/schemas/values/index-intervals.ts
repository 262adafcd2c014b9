/**
 * Sets of completion indexes as ordered intervals, and their text: `1,3-5,7`. Two neighbours are
 * written with a comma, as upstream does. Every operation is linear in the number of intervals, so
 * that a Job with a hundred thousand indexes costs no more than its gaps.
 */
export interface Interval {
  readonly first: number;
  readonly last: number;
}

/** Ascending, without overlap. */
export type Intervals = readonly Interval[];

/** The set of some indexes, in any order and with repetitions. */
export function intervalsOf(indexes: Iterable<number>): Intervals {
  const ordered = [...new Set(indexes)].sort((a, b) => a - b);
  return joined(ordered.map((index) => ({ first: index, last: index })));
}

/** The union of both sets. */
export function mergeIntervals(a: Intervals, b: Intervals): Intervals {
  if (a.length === 0) return b;
  if (b.length === 0) return a;
  return joined([...a, ...b].sort((x, y) => x.first - y.first));
}

function joined(ordered: Intervals): Intervals {
  const result: { first: number; last: number }[] = [];
  for (const { first, last } of ordered) {
    const before = result.at(-1);
    if (before && first <= before.last + 1) before.last = Math.max(before.last, last);
    else result.push({ first, last });
  }
  return result;
}

export const countIndexes = (intervals: Intervals): number =>
  intervals.reduce((sum, { first, last }) => sum + last - first + 1, 0);

export function hasIndex(intervals: Intervals, index: number): boolean {
  let low = 0;
  let high = intervals.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((intervals[middle]?.last ?? 0) >= index) high = middle;
    else low = middle + 1;
  }
  const found = intervals[low];
  return found !== undefined && found.first <= index;
}

export const intervalsText = (intervals: Intervals): string =>
  intervals
    .map(({ first, last }) => {
      if (first === last) return `${first}`;
      return last === first + 1 ? `${first},${last}` : `${first}-${last}`;
    })
    .join(',');

/** Reads a status: fragments that are no intervals are ignored, and so are indexes out of range. */
export function readIntervals(text: string, completions: number): Intervals {
  const read: Interval[] = [];
  for (const fragment of text === '' ? [] : text.split(',')) {
    const interval = intervalIn(fragment, Number.POSITIVE_INFINITY);
    if (typeof interval === 'string' || interval.first >= completions) continue;
    read.push({ first: interval.first, last: Math.min(interval.last, completions - 1) });
  }
  return joined(read.sort((a, b) => a.first - b.first));
}

/** The number of indexes in a well-formed text; otherwise upstream's complaint about it. */
export function checkIntervals(text: string, completions: number): number | string {
  if (text === '') return 0;
  let total = 0;
  let previous: number | undefined;
  for (const fragment of text.split(',')) {
    const interval = intervalIn(fragment, completions);
    if (typeof interval === 'string') return interval;
    if (previous !== undefined && previous >= interval.first)
      return `non-increasing order, previous: ${previous}, current: ${interval.first}`;
    total += interval.last - interval.first + 1;
    previous = interval.last;
  }
  return total;
}

/** Go's `strconv.Atoi`: an optional sign and decimal digits. */
const INTEGER = /^[+-]?\d{1,18}$/;

function intervalIn(fragment: string, completions: number): Interval | string {
  const [from = '', to, ...more] = fragment.split('-');
  if (more.length > 0)
    return `the fragment ${JSON.stringify(fragment)} violates the requirement that an index interval can have at most two parts separated by '-'`;
  if (!INTEGER.test(from)) return `cannot convert string to integer for index: ${JSON.stringify(from)}`;
  const first = Number(from);
  if (first >= completions) return `too large index: ${JSON.stringify(from)}`;
  if (to === undefined) return { first, last: first };
  if (!INTEGER.test(to)) return `cannot convert string to integer for index: ${JSON.stringify(to)}`;
  const last = Number(to);
  if (last >= completions) return `too large index: ${JSON.stringify(to)}`;
  if (first >= last) return `non-increasing order, previous: ${first}, current: ${last}`;
  return { first, last };
}

/** The first index that both sets have. */
export function firstCommonIndex(a: Intervals, b: Intervals): number | undefined {
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    const [x, y] = [a[i], b[j]] as [Interval, Interval];
    const from = Math.max(x.first, y.first);
    if (from <= Math.min(x.last, y.last)) return from;
    if (x.last < y.last) i += 1;
    else j += 1;
  }
  return undefined;
}

/** How many indexes both sets have. */
export function countCommon(a: Intervals, b: Intervals): number {
  let count = 0;
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    const [x, y] = [a[i], b[j]] as [Interval, Interval];
    count += Math.max(0, Math.min(x.last, y.last) - Math.max(x.first, y.first) + 1);
    if (x.last < y.last) i += 1;
    else j += 1;
  }
  return count;
}

/** The lowest `count` indexes below `completions` that are not in the set. */
export function firstMissing(taken: Intervals, count: number, completions: number): readonly number[] {
  const missing: number[] = [];
  let candidate = 0;
  const upTo = (end: number): void => {
    for (; candidate < end && missing.length < count; candidate += 1) missing.push(candidate);
  };
  for (const { first, last } of taken) {
    upTo(Math.min(first, completions));
    if (missing.length >= count) return missing;
    candidate = Math.max(candidate, last + 1);
  }
  upTo(completions);
  return missing;
}
