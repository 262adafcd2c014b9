import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type PodMetric,
  replicasForAverage,
  replicasForShare,
  replicasForUtilization,
  replicasForValue,
  type ReplicaInput,
} from '../../../src/controllers/horizontal-pod-autoscaler/plan-replicas.ts';
import { toRfc3339 } from '../../../src/base/clock.ts';
import type { Pod } from '../../../src/schemas/types.ts';

const NOW = Date.parse('2026-01-01T01:00:00Z');
const MINUTE = 60_000;

interface PodFacts {
  readonly name?: string;
  readonly phase?: NonNullable<Pod['status']>['phase'];
  readonly ready?: 'True' | 'False' | null;
  readonly startedAgoMs?: number;
  readonly readyAgoMs?: number;
  readonly deleting?: boolean;
  readonly requests?: Readonly<Record<string, string>>;
}

const pod = ({
  name = 'p',
  phase = 'Running',
  ready = 'True',
  startedAgoMs = 60 * MINUTE,
  readyAgoMs = startedAgoMs,
  deleting = false,
  requests = { cpu: '1' },
}: PodFacts = {}): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'ns', ...(deleting ? { deletionTimestamp: toRfc3339(NOW) } : {}) },
  spec: { containers: [{ name: 'main', resources: { requests } }] },
  status: {
    phase,
    startTime: toRfc3339(NOW - startedAgoMs),
    conditions:
      ready === null
        ? []
        : [{ type: 'Ready', status: ready, lastTransitionTime: toRfc3339(NOW - readyAgoMs) }],
  },
});
const pods = (...facts: readonly PodFacts[]): readonly Pod[] =>
  facts.map((fact, index) => pod({ name: `p${index}`, ...fact }));

/** By pod; a null is a pod without a measurement. */
const metrics = (...millis: readonly (number | null)[]): ReadonlyMap<string, PodMetric> =>
  new Map(
    millis.flatMap((milli, index) =>
      milli === null ? [] : [[`p${index}`, { milli, atMs: NOW, windowMs: MINUTE }] as const],
    ),
  );

const input = (
  all: readonly Pod[],
  measured: ReadonlyMap<string, PodMetric>,
  extra: Partial<ReplicaInput> = {},
): ReplicaInput => ({
  pods: all,
  metrics: measured,
  currentReplicas: all.length,
  tolerances: { scaleDown: 0.1, scaleUp: 0.1 },
  options: { cpuInitializationPeriodMs: 2 * MINUTE, initialReadinessDelayMs: 10_000 },
  nowMs: NOW,
  ...extra,
});

const cpu = (percent: number) => ({ resource: 'cpu', container: '', percent });
const utilization = (
  all: readonly Pod[],
  millis: readonly (number | null)[],
  percent: number,
  extra: Partial<ReplicaInput> = {},
) => replicasForUtilization(input(all, metrics(...millis), extra), cpu(percent));

const three = pods({}, {}, {});
const four = pods({}, {}, {}, {});

describe('replicas for a utilization', () => {
  it.each([
    // used, target percent, replicas, percent
    ['follow the ratio up', three, [300, 500, 700], 30, 5, 50],
    ['follow the ratio down', four, [100, 200, 300, 400], 50, 2, 25],
    ['stay within the tolerance', three, [1010, 1030, 1020], 100, 3, 102],
    ['stay at its very edge', three, [110, 110, 110], 10, 3, 11],
    ['count percents without their fraction', three, [1101, 1101, 1101], 100, 3, 110],
    ['count a missing pod as idle on the way up', four, [300, 400, 500, null], 30, 4, 40],
    ['count a missing pod as busy on the way down', pods({}, {}), [400, null], 80, 2, 40],
    ['may use more than they request', pods({}, {}), [3000, 3000], 100, 6, 300],
  ] as const)('%s', (_, all, used, percent, replicas, measured) => {
    expect(utilization(all, used, percent)).toMatchObject({ replicas, percent: measured });
  });

  it.each([
    ['unready pods are idle on the way up', { ready: 'False', startedAgoMs: MINUTE }, [500, 900, 900], 4],
    ['and do not count on the way down', { ready: 'False', startedAgoMs: MINUTE }, [800, 100, 100], 1],
    ['pending pods are idle, too', { phase: 'Pending' }, [500, 900, 900], 4],
    [
      'a pod that was measured before it was ready is starting',
      { startedAgoMs: 90_000, readyAgoMs: 30_000 },
      [800, 100, 100],
      1,
    ],
    ['a pod that was ready once counts', { ready: 'False', readyAgoMs: MINUTE }, [800, 800, 800], 5],
    [
      'a pod that has never been ready does not',
      { ready: 'False', readyAgoMs: 60 * MINUTE - 5000 },
      [800, 100, 100],
      1,
    ],
    ['a pod without a condition does not', { ready: null }, [800, 100, 100], 1],
    ['a pod that is being deleted does not', { deleting: true }, [800, 100, 100], 1],
    ['a pod that has ended does not', { phase: 'Failed' }, [800, 100, 100], 1],
  ] as const)('%s', (_, first, used, replicas) => {
    expect(utilization(pods(first, {}, {}), used, 50).replicas).toBe(replicas);
  });

  it('counts requests of the pod as a whole, of sidecars, and of one container', () => {
    const whole = pod();
    Object.assign(whole.spec, { resources: { requests: { cpu: '2' } } });
    const used = new Map([['p', { milli: 1000, atMs: NOW, windowMs: MINUTE }]]);
    expect(replicasForUtilization(input([whole], used), cpu(100)).percent).toBe(50);
    const sidecar = pod();
    const helper = { name: 'helper', restartPolicy: 'Always', resources: { requests: { cpu: '3' } } };
    Object.assign(sidecar.spec, { initContainers: [helper] });
    expect(replicasForUtilization(input([sidecar], used), cpu(100)).percent).toBe(25);
    const one = replicasForUtilization(input([sidecar], used), { ...cpu(100), container: 'helper' });
    expect(one.percent).toBe(33);
  });

  it.each([
    ['no pods returned by selector while calculating replica count', [], []],
    ['did not receive metrics for targeted pods (pods might be unready)', pods({ phase: 'Pending' }), [1]],
    ['did not receive metrics for targeted pods (pods might be unready)', pods({}), [null]],
    ['missing request for cpu in container main of Pod p0', pods({ requests: { memory: '1Mi' } }), [1]],
    ['no metrics returned matched known pods', pods({ requests: { cpu: '0' } }), [1]],
  ] as const)('fails with "%s"', (message, all, used) => {
    expect(() => utilization(all, used, 50)).toThrow(message);
  });

  it('never change against the ratio of what was measured', () => {
    const amount = fc.option(fc.integer({ min: 0, max: 4000 }));
    const facts = fc.record({
      ready: fc.constantFrom('True', 'False' as const),
      phase: fc.constantFrom('Running', 'Pending'),
    });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(amount, facts), { minLength: 1, maxLength: 12 }),
        fc.integer({ min: 1, max: 300 }),
        (all, percent) => {
          const chosen = pods(...all.map(([, fact]) => ({ ...fact, startedAgoMs: MINUTE })));
          const measured = metrics(...all.map(([milli]) => milli));
          let outcome;
          try {
            outcome = replicasForUtilization(input(chosen, measured), cpu(percent));
          } catch {
            return;
          }
          if (outcome.percent > percent) expect(outcome.replicas).toBeGreaterThanOrEqual(chosen.length);
          if (outcome.percent < percent) expect(outcome.replicas).toBeLessThanOrEqual(chosen.length);
        },
      ),
    );
  });
});

describe('replicas for an average value', () => {
  it.each([
    [three, [20_000, 10_000, 30_000], 15_000, 4, 20_000],
    [three, [null, 10_000, 30_000], 15_000, 3, 20_000],
    [three, [12_000, 12_000, 12_000], 20_000, 2, 12_000],
    [three, [20_000, 20_000, 20_000], 20_000, 3, 20_000],
  ] as const)('%#', (all, used, targetMilli, replicas, averageMilli) => {
    const found = replicasForAverage(input(all, metrics(...used)), { resource: '', targetMilli });
    expect(found).toEqual({ replicas, averageMilli });
  });

  it('looks at readiness for the processor only', () => {
    const all = pods({ ready: 'False', startedAgoMs: MINUTE }, {});
    const measured = input(all, metrics(40_000, 40_000));
    expect(replicasForAverage(measured, { resource: 'memory', targetMilli: 20_000 }).replicas).toBe(4);
    expect(replicasForAverage(measured, { resource: 'cpu', targetMilli: 20_000 }).replicas).toBe(2);
  });
});

describe('replicas for one value', () => {
  const tolerances = { scaleDown: 0.1, scaleUp: 0.1 };
  it('follow the ready pods', () => {
    const all = pods({}, {}, { ready: 'False' });
    expect(replicasForValue({ pods: all, currentReplicas: 3, tolerances }, 2)).toBe(4);
    expect(replicasForValue({ pods: all, currentReplicas: 3, tolerances }, 1.05)).toBe(3);
    expect(replicasForValue({ pods: all, currentReplicas: 3, tolerances }, 1e30)).toBe(2_147_483_647);
    expect(() => replicasForValue({ pods: [], currentReplicas: 3, tolerances }, 2)).toThrow(
      'no pods returned',
    );
  });

  it('are shared out among all pods', () => {
    expect(replicasForShare({ statusReplicas: 4, tolerances }, 90_000, 10_000)).toEqual({
      replicas: 9,
      averageMilli: 22_500,
    });
    expect(replicasForShare({ statusReplicas: 9, tolerances }, 90_000, 10_000).replicas).toBe(9);
    expect(replicasForShare({ statusReplicas: 0, tolerances }, 90_000, 10_000)).toEqual({
      replicas: 9,
      averageMilli: 0,
    });
  });

  it('have a tolerance for each direction', () => {
    const loose = { scaleDown: 0.5, scaleUp: 0 };
    const of = (ratio: number) =>
      replicasForValue({ pods: three, currentReplicas: 3, tolerances: loose }, ratio);
    expect([of(0.6), of(1), of(1.01)]).toEqual([3, 3, 4]);
  });
});
