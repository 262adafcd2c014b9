import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  initialMemory,
  limitReplicas,
  type Limits,
  memoryAt,
  remember,
  rememberRescale,
  type ScalingMemory,
} from '../../../src/controllers/horizontal-pod-autoscaler/plan-limits.ts';

const NOW = 1_000_000_000;
const SECOND = 1000;
const empty: ScalingMemory = { uid: 'u', recommendations: [], rescales: [] };

const limits = (extra: Partial<Limits> = {}): Limits => ({
  currentReplicas: 5,
  minReplicas: 1,
  maxReplicas: 100,
  behavior: undefined,
  downscaleStabilizationMs: 300 * SECOND,
  ...extra,
});
const recommended = (
  ...list: readonly (readonly [agoSeconds: number, replicas: number])[]
): ScalingMemory => ({
  ...empty,
  recommendations: list.map(([ago, replicas]) => ({ replicas, atMs: NOW - ago * SECOND })),
});
const rescaled = (...list: readonly (readonly [agoSeconds: number, change: number])[]): ScalingMemory => ({
  ...empty,
  rescales: list.map(([ago, change]) => ({ change, atMs: NOW - ago * SECOND })),
});
const limit = (desired: number, memory: ScalingMemory, extra: Partial<Limits> = {}) => {
  const { replicas, able, limit: told, isLimited } = limitReplicas(desired, memory, limits(extra), NOW);
  return [replicas, able.reason, isLimited, told.reason];
};

describe('limits without a behavior', () => {
  it.each([
    [7, empty, {}, [7, 'ReadyForNewScale', false, 'DesiredWithinRange']],
    [40, empty, {}, [10, 'ReadyForNewScale', true, 'ScaleUpLimit']],
    [40, empty, { currentReplicas: 1 }, [4, 'ReadyForNewScale', true, 'ScaleUpLimit']],
    [40, empty, { maxReplicas: 8 }, [8, 'ReadyForNewScale', true, 'TooManyReplicas']],
    [0, empty, { minReplicas: 2 }, [2, 'ReadyForNewScale', true, 'TooFewReplicas']],
    [2, recommended([299, 4], [10, 3]), {}, [4, 'ScaleDownStabilized', false, 'DesiredWithinRange']],
    [2, recommended([300, 4]), {}, [4, 'ScaleDownStabilized', false, 'DesiredWithinRange']],
    [2, recommended([301, 4]), {}, [2, 'ReadyForNewScale', false, 'DesiredWithinRange']],
  ] as const)('%#', (desired, memory, extra, expected) => {
    expect(limit(desired, memory, extra)).toEqual(expected);
  });
});

it('a clock that was set back prolongs no window', () => {
  const later = NOW + 301 * SECOND;
  const memory = memoryAt(recommended([-3600, 4]), NOW);
  expect(limitReplicas(2, memory, limits(), NOW).replicas).toBe(4);
  expect(limitReplicas(2, memory, limits(), later).replicas).toBe(2);
  expect(memoryAt(rescaled([-3600, 1], [5, 2]), NOW)).toEqual(rescaled([0, 1], [5, 2]));
});

const POLICY = { periodSeconds: 60 };
const up = (rules: object): Partial<Limits> => ({
  behavior: {
    scaleUp: { selectPolicy: 'Max', stabilizationWindowSeconds: 0, policies: [], ...rules },
    scaleDown: { selectPolicy: 'Max', policies: [{ type: 'Percent', value: 100, ...POLICY }] },
  },
});
const down = (rules: object): Partial<Limits> => ({
  behavior: {
    scaleUp: {
      selectPolicy: 'Max',
      stabilizationWindowSeconds: 0,
      policies: [{ type: 'Percent', value: 100, ...POLICY }],
    },
    scaleDown: { selectPolicy: 'Max', stabilizationWindowSeconds: 0, policies: [], ...rules },
  },
});
const pods = (value: number, periodSeconds = 60) => ({ type: 'Pods', value, periodSeconds });
const percent = (value: number, periodSeconds = 60) => ({ type: 'Percent', value, periodSeconds });

describe('limits of a behavior', () => {
  it.each([
    ['adds what one policy allows', 40, empty, up({ policies: [pods(3)] }), 8, 'ScaleUpLimit'],
    ['rounds shares up', 40, empty, up({ policies: [percent(30)] }), 7, 'ScaleUpLimit'],
    ['takes the largest change', 40, empty, up({ policies: [pods(3), percent(100)] }), 10, 'ScaleUpLimit'],
    [
      'or the smallest',
      40,
      empty,
      up({ selectPolicy: 'Min', policies: [pods(3), percent(100)] }),
      8,
      'ScaleUpLimit',
    ],
    ['or none', 40, empty, up({ selectPolicy: 'Disabled', policies: [pods(3)] }), 5, 'ScaleUpLimit'],
    [
      'counts what was added within the period',
      40,
      rescaled([59, 2]),
      up({ policies: [pods(3)] }),
      6,
      'ScaleUpLimit',
    ],
    ['and forgets it afterwards', 40, rescaled([60, 2]), up({ policies: [pods(3)] }), 8, 'ScaleUpLimit'],
    [
      'gives back what was taken away',
      40,
      rescaled([10, -2]),
      up({ policies: [pods(3)] }),
      10,
      'ScaleUpLimit',
    ],
    ['never scales down for it', 40, rescaled([10, 9]), up({ policies: [pods(3)] }), 5, 'ScaleUpLimit'],
    [
      'stays below the maximum',
      40,
      empty,
      { ...up({ policies: [pods(90)] }), maxReplicas: 9 },
      9,
      'TooManyReplicas',
    ],
    ['takes away what one policy allows', 1, empty, down({ policies: [pods(2)] }), 3, 'ScaleDownLimit'],
    ['lets shares lose their fraction', 1, empty, down({ policies: [percent(30)] }), 3, 'ScaleDownLimit'],
    [
      'the largest change downwards',
      1,
      empty,
      down({ policies: [pods(1), percent(60)] }),
      2,
      'ScaleDownLimit',
    ],
    [
      'the smallest change downwards',
      1,
      empty,
      down({ selectPolicy: 'Min', policies: [pods(1), percent(60)] }),
      4,
      'ScaleDownLimit',
    ],
    [
      'none downwards',
      1,
      empty,
      down({ selectPolicy: 'Disabled', policies: [pods(1)] }),
      5,
      'ScaleDownLimit',
    ],
    ['counts what was taken away', 1, rescaled([5, -1]), down({ policies: [pods(2)] }), 4, 'ScaleDownLimit'],
    [
      'stays above the minimum',
      0,
      empty,
      { ...down({ policies: [percent(100)] }), minReplicas: 2 },
      2,
      'TooFewReplicas',
    ],
  ] as const)('%s', (_, desired, memory, extra, replicas, reason) => {
    expect(limit(desired, memory, extra)).toEqual([replicas, 'ReadyForNewScale', true, reason]);
  });

  it.each([
    [
      'the lowest of the window upwards',
      9,
      recommended([5, 6], [20, 7]),
      { stabilizationWindowSeconds: 30 },
      6,
      'ScaleUpStabilized',
    ],
    ['nothing older', 9, recommended([30, 6]), { stabilizationWindowSeconds: 30 }, 9, 'ReadyForNewScale'],
    ['no window, no stabilisation', 9, recommended([5, 6]), {}, 9, 'ReadyForNewScale'],
    ['the highest of the window downwards', 2, recommended([100, 4]), {}, 4, 'ScaleDownStabilized'],
  ] as const)('hold to %s', (_, desired, memory, rules, replicas, reason) => {
    const [found, able] = limit(desired, memory, up({ policies: [pods(50)], ...rules }));
    expect([found, able]).toEqual([replicas, reason]);
  });

  it('keeps within minimum and maximum, whatever is remembered', () => {
    const memory = fc.record({
      uid: fc.constant('u'),
      recommendations: fc.array(
        fc.record({ replicas: fc.nat(200), atMs: fc.integer({ min: NOW - 4_000_000, max: NOW }) }),
      ),
      rescales: fc.array(
        fc.record({
          change: fc.integer({ min: -50, max: 50 }),
          atMs: fc.integer({ min: NOW - 4_000_000, max: NOW }),
        }),
      ),
    });
    const policies = fc.array(
      fc.record({
        type: fc.constantFrom('Pods', 'Percent'),
        value: fc.integer({ min: 1, max: 300 }),
        periodSeconds: fc.integer({ min: 1, max: 1800 }),
      }),
      { minLength: 1, maxLength: 3 },
    );
    const rules = fc.record({
      policies,
      selectPolicy: fc.constantFrom('Min', 'Max', 'Disabled'),
      stabilizationWindowSeconds: fc.nat(3600),
    });
    const behavior = fc.option(fc.record({ scaleUp: rules, scaleDown: rules }), { nil: undefined });
    fc.assert(
      fc.property(
        memory,
        behavior,
        fc.integer({ min: 2, max: 20 }),
        fc.nat(1000),
        (known, rule, current, desired) => {
          const extra = { behavior: rule, minReplicas: 2, maxReplicas: 20, currentReplicas: current };
          const { replicas } = limitReplicas(desired, known, limits(extra), NOW);
          expect(replicas).toBeGreaterThanOrEqual(2);
          expect(replicas).toBeLessThanOrEqual(20);
          if (rule?.scaleDown.selectPolicy === 'Disabled') expect(replicas).toBeGreaterThanOrEqual(current);
          if (rule?.scaleUp.selectPolicy === 'Disabled') expect(replicas).toBeLessThanOrEqual(current);
        },
      ),
    );
  });
});

describe('what is remembered', () => {
  it('begins with the number that there is: a new process takes nothing away at once', () => {
    expect(limit(1, initialMemory('u', 5, NOW))).toEqual([
      5,
      'ScaleDownStabilized',
      false,
      'DesiredWithinRange',
    ]);
  });

  it('is bounded by the longest window and the longest period', () => {
    const { behavior } = up({ policies: [pods(1, 120)] });
    let memory = empty;
    for (let second = 0; second < 3000; second += 15) {
      const at = NOW + second * SECOND;
      memory = rememberRescale(remember(memory, 3, limits({ behavior }), at), 1, behavior, at);
    }
    expect(memory.recommendations).toHaveLength(21);
    expect(memory.rescales).toHaveLength(9);
    expect(rememberRescale(empty, 1, undefined, NOW)).toBe(empty);
  });
});
