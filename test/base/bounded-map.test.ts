import { describe, expect, test } from 'vitest';
import { createBoundedMap } from '../../src/base/bounded-map.ts';

describe('a bounded map', () => {
  test('forgets the entry that was set longest ago', () => {
    const map = createBoundedMap<string, number>(2);
    map.set('a', 1);
    map.set('b', 2);
    map.set('a', 3);
    map.set('c', 4);
    expect([map.get('a'), map.get('b'), map.get('c'), map.size]).toEqual([3, undefined, 4, 2]);
  });

  test('makes a value once, undefined included', () => {
    const map = createBoundedMap<string, undefined>(2);
    let made = 0;
    const make = (): undefined => void (made += 1);
    map.remember('a', make);
    map.remember('a', make);
    expect([made, map.has('a')]).toEqual([1, true]);
    map.delete('a');
    expect(map.has('a')).toBe(false);
  });

  test('keeps its limit under a flood of keys', () => {
    const map = createBoundedMap<number, number>(10);
    for (let key = 0; key < 1_000; key += 1) map.remember(key, () => key);
    expect([map.size, map.has(989), map.has(990)]).toEqual([10, false, true]);
  });
});
