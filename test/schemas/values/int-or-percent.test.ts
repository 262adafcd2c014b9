import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  percentOf,
  resolveRollingLimits,
  scaleIntOrPercent,
} from '../../../src/schemas/values/int-or-percent.ts';

describe('a count or a share', () => {
  it.each([
    [3, 10, 'up', 3],
    ['25%', 10, 'up', 3],
    ['25%', 10, 'down', 2],
    ['0%', 10, 'up', 0],
    ['25', 10, 'up', undefined],
    [1.5, 10, 'up', undefined],
    [null, 10, 'up', undefined],
  ] as const)('%j of %d rounded %s is %j', (value, total, round, expected) => {
    expect(scaleIntOrPercent(value, total, round)).toBe(expected);
  });

  it('has a percentage only where there is a percent sign', () => {
    expect([percentOf('7%'), percentOf('7'), percentOf(7), percentOf('-7%')]).toEqual([
      7,
      undefined,
      undefined,
      undefined,
    ]);
  });
});

describe('the limits of a rolling update', () => {
  it('are those of the defaults: surge rounds up, unavailable rounds down', () => {
    expect(resolveRollingLimits('25%', '25%', 3)).toEqual({ maxSurge: 1, maxUnavailable: 0 });
    expect(resolveRollingLimits('25%', '25%', 10)).toEqual({ maxSurge: 3, maxUnavailable: 2 });
  });

  it('never let an update stand still', () => {
    const value = fc.oneof(
      fc.nat(5),
      fc.nat(100).map((share) => `${share}%`),
    );
    fc.assert(
      fc.property(value, value, fc.nat(20), (surge, unavailable, replicas) => {
        const limits = resolveRollingLimits(surge, unavailable, replicas);
        expect(limits.maxSurge + limits.maxUnavailable).toBeGreaterThan(0);
      }),
    );
  });
});
