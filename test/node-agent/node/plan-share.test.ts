import fc from 'fast-check';
import { expect, it } from 'vitest';
import { planShare, planShares, WHOLE_ENGINE } from '../../../src/node-agent/node/plan-share.ts';
import { canonicalQuantity, toBytes, toMilli } from '../../../src/schemas/values/quantity.ts';

const machine = { cpus: 2, memoryBytes: 8 * 1024 ** 3, diskBytes: 100 * 1024 ** 3 };

it('gives a node that is alone on its engine the whole machine', () => {
  expect(planShare(machine, WHOLE_ENGINE)).toEqual({
    cpu: '2',
    memory: '8Gi',
    'ephemeral-storage': '100Gi',
  });
});

it('says amounts as the API stores them, so that they are no news at each beat', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2 ** 43 }), fc.integer({ min: 1, max: 64 }), (bytes, cpus) => {
      const machine = { cpus: cpus / 4, memoryBytes: bytes, diskBytes: bytes * 4 };
      const said = planShare(machine, { index: 0, count: 3 });
      expect(Object.values(said).map(canonicalQuantity)).toEqual(Object.values(said));
    }),
  );
  expect(planShare({ cpus: 32, memoryBytes: 2 ** 38, diskBytes: 2 ** 40 }, WHOLE_ENGINE)).toEqual({
    cpu: '32',
    memory: '256Gi',
    'ephemeral-storage': '1Ti',
  });
});

it('gives the nodes of one engine shares that add up to its machine and differ by one unit at most', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 400 }),
      fc.integer({ min: 0, max: 2 ** 43 }),
      fc.integer({ min: 1, max: 5_000 }),
      (cpus, memoryBytes, count) => {
        const shares = planShares(Array.from({ length: count }, () => 'unix:///one')).map((share) =>
          planShare({ cpus, memoryBytes, diskBytes: memoryBytes }, share),
        );
        for (const [amounts, whole] of [
          [shares.map(({ cpu }) => toMilli(cpu)), cpus * 1_000],
          [shares.map(({ memory }) => toBytes(memory) / 1_024), Math.floor(memoryBytes / 1_024)],
        ] as const) {
          expect(amounts.reduce((sum, amount) => sum + amount, 0)).toBe(whole);
          expect(Math.max(...amounts) - Math.min(...amounts)).toBeLessThanOrEqual(1);
        }
      },
    ),
    { numRuns: 20 },
  );
});

it('shares each engine among its own nodes only', () => {
  expect(planShares(['a', 'b', 'a'])).toEqual([
    { index: 0, count: 2 },
    { index: 0, count: 1 },
    { index: 1, count: 2 },
  ]);
});
