/** A plan of placement respects these rules in any cluster (INVARIANTS 2). */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRng } from '../../src/base/rng.ts';
import { planShare } from '../../src/node-agent/node/plan-share.ts';
import { createPodReader } from '../../src/scheduler/pod-info.ts';
import { isPending, planPlacement } from '../../src/scheduler/plan-placement.ts';
import { podRequests } from '../../src/schemas/pods/pod-resources.ts';
import { toMilli } from '../../src/schemas/values/quantity.ts';
import type { Node, Pod } from '../../src/schemas/types.ts';
import { aNode, aPod, aReplicaSet, frozen, ownedBy } from '../support/builders.ts';

const EMPTY = { nodes: [], pods: [], namespaces: [], services: [], replicaSets: [] };

const node = (
  name: string,
  cpu: string,
  taints: NonNullable<Node['spec']['taints']> = [],
  unschedulable = false,
): Node => {
  const base = aNode({ name });
  return {
    ...base,
    spec: { taints, unschedulable },
    status: { ...base.status, allocatable: { cpu, memory: '8Gi', pods: '5' } },
  };
};
const pod = (name: string, cpu: string, hostPort?: number): Pod =>
  aPod({
    name,
    spec: {
      containers: [
        {
          name: 'c',
          image: 'a',
          resources: { requests: { cpu } },
          ...(hostPort === undefined ? {} : { ports: [{ containerPort: 80, hostPort }] }),
        },
      ],
    },
  });

describe('planPlacement', () => {
  it('a pod that asks for what is not implemented waits, and says for what', () => {
    const waiting = aPod({ name: 'a', spec: { hostUsers: false, containers: [{ name: 'c', image: 'i' }] } });
    const input = frozen({ ...EMPTY, nodes: [node('n', '4')] });
    const { bindings, rejections } = planPlacement(frozen([waiting, pod('b', '1')]), input, seededRng(1));
    expect(bindings.map((binding) => binding.pod.metadata.name)).toEqual(['b']);
    expect(rejections.map(({ reason, message }) => `${reason} ${message}`)).toEqual([
      'Unschedulable spec.hostUsers: not implemented by Symphony: user namespaces are set per Docker Engine (userns-remap); remove it',
    ]);
  });

  it('never overcommits cpu or pods, never shares a host port, and respects taints and cordons', () => {
    const nodes = fc.array(
      fc.record({ cpu: fc.integer({ min: 1, max: 8 }), tainted: fc.boolean(), cordoned: fc.boolean() }),
      { maxLength: 6 },
    );
    const pods = fc.array(
      fc.record({
        cpu: fc.integer({ min: 0, max: 3000 }),
        hostPort: fc.option(fc.constantFrom(80, 81), { nil: undefined }),
      }),
      { maxLength: 25 },
    );
    fc.assert(
      fc.property(nodes, pods, fc.integer(), (nodeDrafts, podDrafts, seed) => {
        const world = nodeDrafts.map(({ cpu, tainted, cordoned }, index) =>
          node(`n${index}`, String(cpu), tainted ? [{ key: 'k', effect: 'NoSchedule' }] : [], cordoned),
        );
        const pending = podDrafts.map(({ cpu, hostPort }, index) => pod(`p${index}`, `${cpu}m`, hostPort));
        const input = frozen({ ...EMPTY, nodes: world });
        const { bindings, rejections } = planPlacement(frozen(pending), input, seededRng(seed));
        expect(bindings.length + rejections.length).toBe(pending.length);
        for (const target of world) {
          const placed = bindings
            .filter((binding) => binding.nodeName === target.metadata.name)
            .map((binding) => binding.pod);
          if (placed.length > 0) expect([target.spec.taints, target.spec.unschedulable]).toEqual([[], false]);
          const cpu = placed.reduce((sum, item) => sum + (podRequests(item.spec).get('cpu') ?? 0), 0);
          expect(cpu).toBeLessThanOrEqual(toMilli(target.status?.allocatable?.['cpu']));
          expect(placed.length).toBeLessThanOrEqual(5);
          const ports = placed.flatMap((item) =>
            item.spec.containers.flatMap((c) => (c.ports ?? []).map((port) => port.hostPort)),
          );
          expect(new Set(ports).size).toBe(ports.length);
        }
      }),
    );
  });

  it('decides the same for the same seed', () => {
    const world = { ...EMPTY, nodes: ['a', 'b', 'c'].map((name) => node(name, '8')) };
    const pending = Array.from({ length: 10 }, (_, index) => pod(`p${index}`, '100m'));
    const names = (seed: number): readonly string[] =>
      planPlacement(pending, world, seededRng(seed)).bindings.map((b) => b.nodeName);
    expect(names(7)).toEqual(names(7));
  });

  it('places higher priority first, then the older', () => {
    const late = {
      ...pod('late', '1'),
      metadata: { ...pod('late', '1').metadata, creationTimestamp: '2026-01-02T00:00:00Z' },
    };
    const urgent = {
      ...late,
      metadata: { ...late.metadata, name: 'urgent' },
      spec: { ...late.spec, priority: 10 },
    };
    const plan = planPlacement(
      [late, pod('early', '1'), urgent],
      { ...EMPTY, nodes: [node('a', '2')] },
      seededRng(1),
    );
    expect(plan.bindings.map((binding) => binding.pod.metadata.name)).toEqual(['urgent', 'early']);
    expect(plan.rejections[0]?.message).toBe(
      '0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.',
    );
  });

  it('takes nothing of a node from a pod of the same template that is bound', () => {
    const bound = pod('bound', '100m', 80);
    const pods = [{ ...bound, spec: { ...bound.spec, nodeName: 'a' } }];
    const nodes = [node('a', '8'), node('b', '8')];
    const { bindings } = planPlacement([pod('next', '100m', 80)], { ...EMPTY, nodes, pods }, seededRng(1));
    expect(bindings.map(({ nodeName }) => nodeName)).toEqual(['b']);
  });

  it('places pods that differ in what it does not read as one class', () => {
    const withToken = (name: string): Pod => {
      const made = pod(name, '100m');
      return { ...made, spec: { ...made.spec, volumes: [{ name: `kube-api-access-${name}` }] } };
    };
    const read = createPodReader(new Map());
    expect(read(withToken('a')).classKey).toBe(read(withToken('b')).classKey);
  });

  const prefersDisk: Partial<Pod['spec']> = {
    affinity: {
      nodeAffinity: {
        preferredDuringSchedulingIgnoredDuringExecution: [
          { weight: 1, preference: { matchExpressions: [{ key: 'disk', operator: 'Exists' }] } },
        ],
      },
    },
  };
  // The second way asks every node about each pod; see placement-index.ts.
  it.each<[string, Partial<Pod['spec']>]>([
    ['as one class', {}],
    ['one by one', prefersDisk],
  ])('spreads the pods of a ReplicaSet evenly over the nodes of one machine, placed %s', (_, spec) => {
    const replicaSet = aReplicaSet({ name: 'web' });
    const labels = replicaSet.spec.selector.matchLabels ?? {};
    const machine = { cpus: 7, memoryBytes: 8 * 1024 ** 3 + 4_096, diskBytes: 1e11 };
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 7 }),
        fc.integer({ min: 1, max: 20 }),
        fc.boolean(),
        fc.integer(),
        (count, replicas, requests, seed) => {
          const nodes = Array.from({ length: count }, (_, index) =>
            aNode({
              name: `n${index}`,
              labels: { 'kubernetes.io/hostname': `n${index}` },
              allocatable: { ...planShare(machine, { index, count }), pods: '110' },
            }),
          );
          const pending = Array.from({ length: replicas }, (_, index) => {
            const draft = requests ? pod(`p${index}`, '10m') : aPod({ name: `p${index}` });
            const meta = { ...draft.metadata, labels };
            return ownedBy(replicaSet, { ...draft, metadata: meta, spec: { ...draft.spec, ...spec } });
          });
          const world = { ...EMPTY, nodes, replicaSets: [replicaSet] };
          const { bindings } = planPlacement(pending, world, seededRng(seed));
          expect(bindings).toHaveLength(replicas);
          const taken = nodes.map(
            ({ metadata }) => bindings.filter(({ nodeName }) => nodeName === metadata.name).length,
          );
          expect(Math.max(...taken) - Math.min(...taken)).toBeLessThanOrEqual(1);
        },
      ),
    );
  });

  it('says so when there is no node at all, and holds back gated pods', () => {
    const gated = {
      ...pod('gated', '1'),
      spec: { ...pod('gated', '1').spec, schedulingGates: [{ name: 'x' }] },
    };
    const { rejections } = planPlacement([pod('p', '1'), gated], EMPTY, seededRng(1));
    expect(rejections.map(({ reason, message }) => [reason, message])).toEqual([
      ['SchedulingGated', 'Scheduling is blocked due to non-empty scheduling gates'],
      ['Unschedulable', 'no nodes available to schedule pods'],
    ]);
  });
});

describe('isPending', () => {
  it.each([
    ['a new pod', aPod(), true],
    ['a bound pod', aPod({ node: 'a' }), false],
    ['a pod being deleted', aPod({ deletionTimestamp: '2026-01-01T00:00:00Z' }), false],
    ['a pod of another scheduler', aPod({ spec: { schedulerName: 'mine' } }), false],
    ['a failed pod', aPod({ phase: 'Failed' }), false],
  ])('%s', (_, candidate, expected) => {
    expect(isPending(candidate)).toBe(expected);
  });
});
