import { expect, it } from 'vitest';
import { mapInTurns } from '../../src/base/map-in-turns.ts';

const numbers = Array.from({ length: 500 }, (_, index) => index);

it('lets others have a turn between many items, and keeps the order', async () => {
  let mapped = 0;
  const seen: number[] = [];
  const look = (): void => {
    seen.push(mapped);
    if (mapped < numbers.length) setImmediate(look);
  };
  setImmediate(look);
  const results = await mapInTurns(numbers, (value) => {
    mapped += 1;
    return 2 * value;
  });
  expect(results).toEqual(numbers.map((value) => 2 * value));
  expect(seen.length).toBeGreaterThan(2);
});

it('passes on what the mapping throws', async () => {
  const failing = mapInTurns(numbers, (value) => {
    if (value === 50) throw new Error('no');
  });
  await expect(failing).rejects.toThrow('no');
});
