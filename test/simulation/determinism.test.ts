import { expect, it } from 'vitest';
import { runSimulation } from './run.ts';

it.each([3, 7])('runs the same way twice with seed %i', async (seed) => {
  const first = await runSimulation({ seed });
  const second = await runSimulation({ seed });
  expect(second.hash).toBe(first.hash);
  expect(second.trace).toEqual(first.trace);
});

it('runs another way with another seed', async () => {
  const [first, second] = [await runSimulation({ seed: 3 }), await runSimulation({ seed: 4 })];
  expect(second.hash).not.toBe(first.hash);
});
