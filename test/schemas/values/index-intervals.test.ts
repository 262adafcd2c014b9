import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  checkIntervals,
  countCommon,
  countIndexes,
  firstCommonIndex,
  firstMissing,
  hasIndex,
  intervalsOf,
  intervalsText,
  mergeIntervals,
  readIntervals,
} from '../../../src/schemas/values/index-intervals.ts';

const RANGE = 30;
const indexes = fc.array(fc.integer({ min: 0, max: RANGE - 1 }));
const all = Array.from({ length: RANGE }, (_, index) => index);

describe('intervals of indexes', () => {
  it('are the sets that they stand for', () => {
    fc.assert(
      fc.property(indexes, indexes, fc.integer({ min: 0, max: 10 }), (a, b, count) => {
        const [one, other] = [intervalsOf(a), intervalsOf(b)];
        const [inOne, inOther] = [new Set(a), new Set(b)];
        const both = all.filter((index) => inOne.has(index) && inOther.has(index));
        expect(all.filter((index) => hasIndex(one, index))).toEqual(all.filter((index) => inOne.has(index)));
        expect(countIndexes(mergeIntervals(one, other))).toBe(new Set([...a, ...b]).size);
        expect(countCommon(one, other)).toBe(both.length);
        expect(firstCommonIndex(one, other)).toBe(both[0]);
        const missing = all.filter((index) => !inOne.has(index)).slice(0, count);
        expect(firstMissing(one, count, RANGE)).toEqual(missing);
        expect(readIntervals(intervalsText(one), RANGE)).toEqual(one);
        expect(checkIntervals(intervalsText(one), RANGE)).toBe(inOne.size);
      }),
    );
  });

  it.each([
    ['', 0],
    ['0,1,3-5', 5],
    ['1,1', 'non-increasing order, previous: 1, current: 1'],
    ['2-1', 'non-increasing order, previous: 2, current: 1'],
    ['9', 'too large index: "9"'],
    ['1-9', 'too large index: "9"'],
    ['a', 'cannot convert string to integer for index: "a"'],
    ['1-', 'cannot convert string to integer for index: ""'],
    [
      '1-2-3',
      'the fragment "1-2-3" violates the requirement that an index interval can have at most two parts separated by \'-\'',
    ],
  ])('in the text %j are checked', (text, expected) => {
    expect(checkIntervals(text, 9)).toEqual(expected);
  });

  it('are cut where there are fewer completions now, and read in spite of rubbish', () => {
    expect(intervalsText(readIntervals('0-4,x,8-20', 10))).toBe('0-4,8,9');
  });
});
