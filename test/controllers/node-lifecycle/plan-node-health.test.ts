import { describe, expect, it } from 'vitest';
import {
  mayEvictFrom,
  observe,
  withHealthTaints,
  withUnknownConditions,
} from '../../../src/controllers/node-lifecycle/plan-node-health.ts';
import { planTaintEviction } from '../../../src/controllers/node-lifecycle/plan-taint-eviction.ts';
import { aLease, aNode, aPod, frozen } from '../../support/builders.ts';

const NOW = Date.UTC(2026, 0, 2);

describe('observe', () => {
  const node = frozen(aNode());

  it('counts silence by our own clock, whatever time the lease claims', () => {
    const lease = aLease({ renewTime: '1999-01-01T00:00:00.000000Z' });
    const first = observe(undefined, { node, lease }, NOW);
    expect(observe(first, { node, lease }, NOW + 5000).atMs).toBe(NOW);
    const skewed = aLease({ renewTime: '1998-01-01T00:00:00.000000Z' });
    expect(observe(first, { node, lease: skewed }, NOW + 5000).atMs).toBe(NOW + 5000);
  });

  it("takes the control plane's renewal of the lease for no sign of life, and the agent's next for one", () => {
    const [own, agents] = ['2026-01-02T00:00:05.000000Z', '2026-01-02T00:00:06.000000Z'];
    const first = observe(undefined, { node, lease: aLease() }, NOW);
    const ours = { node, lease: aLease({ renewTime: own }), ownRenewal: own };
    const second = observe(first, ours, NOW + 6000);
    expect(second.atMs).toBe(NOW);
    const later = { ...ours, lease: aLease({ renewTime: agents }) };
    expect(observe(second, later, NOW + 8000).atMs).toBe(NOW + 8000);
  });

  it('takes no verdict of ours for a sign of life', () => {
    const first = observe(undefined, { node, lease: undefined }, NOW);
    const unknown = withUnknownConditions(node, NOW + 1000) ?? node;
    expect(observe(first, { node: unknown, lease: undefined }, NOW + 2000).atMs).toBe(NOW);
  });
});

describe('withHealthTaints', () => {
  const keys = (node: ReturnType<typeof withHealthTaints>): string[] =>
    (node?.spec.taints ?? []).map(({ key, effect }) => `${key}:${effect}`);

  it.each([
    [false, ['node.kubernetes.io/not-ready:NoSchedule', 'node.kubernetes.io/not-ready:NoExecute']],
    ['Unknown', ['node.kubernetes.io/unreachable:NoSchedule', 'node.kubernetes.io/unreachable:NoExecute']],
  ] as const)('taints a node whose Ready is %s', (ready, expected) => {
    expect(keys(withHealthTaints(frozen(aNode({ ready })), true, NOW))).toEqual(expected);
  });

  it('adds no NoExecute taint while the brakes are on (INVARIANTS 10)', () => {
    expect(keys(withHealthTaints(aNode({ ready: 'Unknown' }), false, NOW))).toEqual([
      'node.kubernetes.io/unreachable:NoSchedule',
    ]);
  });

  it('takes its taints away from a node that has recovered, and leaves those of others', () => {
    const sick = withHealthTaints(
      aNode({ ready: 'Unknown', taints: [{ key: 'own', effect: 'NoExecute' }] }),
      true,
      NOW,
    );
    const taints = sick?.spec.taints ?? [];
    expect(taints).toHaveLength(3);
    expect(keys(withHealthTaints(aNode({ taints }), true, NOW))).toEqual(['own:NoExecute']);
  });

  it('changes nothing where nothing is to be changed', () => {
    expect(withHealthTaints(aNode(), true, NOW)).toBeUndefined();
  });
});

describe('mayEvictFrom', () => {
  it.each([
    ['none is unhealthy', [true, true, true], true],
    ['one of three is', [false, true, true], true],
    ['all are', ['Unknown', 'Unknown'], false],
    ['the only one is', ['Unknown'], false],
    ['three of five are', ['Unknown', false, false, true, true], false],
    ['three of six are', ['Unknown', false, false, true, true, true], true],
  ] as const)('when %s', (_what, ready, expected) => {
    expect(
      mayEvictFrom(ready.map((state, index) => aNode({ name: `n${String(index)}`, ready: state }))),
    ).toBe(expected);
  });
});

describe('planTaintEviction', () => {
  const taints = [{ key: 'node.kubernetes.io/unreachable', effect: 'NoExecute' as const }];
  const node = aNode({ ready: 'Unknown', taints });
  const toleration = {
    key: 'node.kubernetes.io/unreachable',
    operator: 'Exists' as const,
    effect: 'NoExecute' as const,
  };
  const pod = frozen(
    aPod({ node: 'n1', ready: true, spec: { tolerations: [{ ...toleration, tolerationSeconds: 300 }] } }),
  );
  const base = { node, sinceMs: undefined, settledAtMs: 0, mayEvictForHealth: true };

  it('waits as long as the pod tolerates the taint', () => {
    expect(planTaintEviction({ ...base, pod }, NOW)).toMatchObject({
      writes: [],
      sinceMs: NOW,
      requeueAfterMs: 300_000,
    });
  });

  it('says why first, and deletes then', () => {
    const due = { ...base, sinceMs: NOW - 300_000 };
    const [mark] = planTaintEviction({ ...due, pod }, NOW).writes;
    expect(mark).toMatchObject({ verb: 'update', subresource: 'status' });
    const marked = mark?.object as typeof pod;
    expect(planTaintEviction({ ...due, pod: marked }, NOW).writes).toMatchObject([{ verb: 'delete' }]);
  });

  it('makes no pod wait longer after the clock was set back', () => {
    const back = NOW - 3_600_000;
    const { sinceMs, requeueAfterMs = 0 } = planTaintEviction(
      { ...base, pod, sinceMs: NOW, settledAtMs: 0 },
      back,
    );
    expect([sinceMs, requeueAfterMs <= 300_000]).toEqual([back, true]);
  });

  it('leaves pods that tolerate the taint for good', () => {
    const forever = aPod({ node: 'n1', spec: { tolerations: [toleration] } });
    expect(planTaintEviction({ ...base, pod: forever }, NOW)).toEqual({
      writes: [],
      events: [],
      sinceMs: undefined,
    });
  });

  it('evicts nobody for health while the brakes are on, but obeys the taints of people (INVARIANTS 10)', () => {
    const bare = aPod({ node: 'n1', ready: true });
    const braked = { ...base, mayEvictForHealth: false };
    expect(planTaintEviction({ ...braked, pod: bare }, NOW).writes).toEqual([]);
    const drained = aNode({ taints: [{ key: 'maintenance', effect: 'NoExecute' }] });
    expect(planTaintEviction({ ...braked, pod: bare, node: drained }, NOW).writes).toHaveLength(1);
  });
});
