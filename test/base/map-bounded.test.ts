import { expect, it } from 'vitest';
import { mapBounded } from '../../src/base/map-bounded.ts';

it('keeps the order, and the bound', async () => {
  let [active, most] = [0, 0];
  const doubled = await mapBounded([1, 2, 3, 4, 5], 2, async (value) => {
    active += 1;
    most = Math.max(most, active);
    await Promise.resolve();
    active -= 1;
    return 2 * value;
  });
  expect(doubled).toEqual([2, 4, 6, 8, 10]);
  expect(most).toBe(2);
});

it('starts nothing after a failure', async () => {
  const started: number[] = [];
  const mapped = mapBounded([1, 2, 3, 4], 2, async (value) => {
    started.push(value);
    await Promise.resolve();
    if (value === 1) throw new Error('no');
  });
  await expect(mapped).rejects.toThrow('no');
  await Promise.resolve();
  expect(started).toEqual([1, 2]);
});
