import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRng } from '../../src/base/rng.ts';
import { createPlacementIndex } from '../../src/scheduler/placement-index.ts';
import { createPodReader } from '../../src/scheduler/pod-info.ts';
import { findFeasible, scoreNodes } from '../../src/scheduler/schedule-pod.ts';
import { type ClusterObjects, buildSnapshot, place } from '../../src/scheduler/snapshot.ts';
import type { NodeInfo, PodInfo, Snapshot } from '../../src/scheduler/types.ts';
import type { Node, Pod, ReplicaSet, Service } from '../../src/schemas/types.ts';

const node = (index: number, zone: number | undefined, cpu: number, tainted: boolean): Node => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: {
    name: `node-${index}`,
    labels: {
      'kubernetes.io/hostname': `node-${index}`,
      ...(zone === undefined ? {} : { 'topology.kubernetes.io/zone': `zone-${zone}` }),
    },
  },
  spec: tainted ? { taints: [{ key: 'only', value: 'some', effect: 'NoSchedule' }] } : {},
  status: {
    allocatable: { cpu: String(cpu), memory: '8Gi', pods: '6' },
    images: index % 2 === 0 ? [{ names: ['app:1'], sizeBytes: 500_000_000 }] : [],
  },
});

const pod = (name: string, template: number, nodeName?: string): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name,
    namespace: 'default',
    labels: { app: `app-${template}` },
    ...(template % 2 === 0
      ? {
          ownerReferences: [
            {
              apiVersion: 'apps/v1',
              kind: 'ReplicaSet',
              name: 'set',
              uid: `set-${template}`,
              controller: true,
            },
          ],
        }
      : {}),
  },
  spec: {
    ...(nodeName === undefined ? {} : { nodeName }),
    ...(template === 3 ? { tolerations: [{ key: 'only', operator: 'Exists' as const }] } : {}),
    containers: [
      {
        name: 'main',
        image: template < 2 ? 'app:1' : 'other:1',
        resources: template === 1 ? {} : { requests: { cpu: `${100 * (template + 1)}m`, memory: '256Mi' } },
        ...(template === 4 ? { ports: [{ containerPort: 80, hostPort: 8080 }] } : {}),
      },
    ],
  },
});

const replicaSet = (template: number): ReplicaSet => ({
  apiVersion: 'apps/v1',
  kind: 'ReplicaSet',
  metadata: { name: `set-${template}`, namespace: 'default', uid: `set-${template}` },
  spec: {
    replicas: 1,
    selector: { matchLabels: { app: `app-${template}` } },
    template: { spec: { containers: [] } },
  },
});
/** Selects pods of a template that no ReplicaSet owns. */
const service: Service = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'app-5', namespace: 'default' },
  spec: { selector: { app: 'app-5' } },
};

const world = fc.record({
  nodes: fc
    .array(
      fc.record({
        zone: fc.option(fc.nat(2), { nil: undefined }),
        cpu: fc.integer({ min: 1, max: 3 }),
        tainted: fc.boolean(),
      }),
      { minLength: 1, maxLength: 8 },
    )
    .map((list) => list.map(({ zone, cpu, tainted }, index) => node(index, zone, cpu, tainted))),
  running: fc.array(fc.tuple(fc.nat(5), fc.nat(7)), { maxLength: 8 }),
  pending: fc.array(fc.nat(5), { minLength: 1, maxLength: 30 }),
});

/** The nodes with the highest total, found by asking every node. */
function bestNodes(info: PodInfo, snapshot: Snapshot): readonly NodeInfo[] {
  const { feasible } = findFeasible(info, snapshot);
  const { totals } = scoreNodes(info, feasible, snapshot);
  const best = Math.max(...totals);
  return feasible.filter((_, index) => totals[index] === best);
}

describe('the index of placements', () => {
  it('chooses what asking every node would choose, whatever was placed before', () => {
    fc.assert(
      fc.property(world, fc.nat(), ({ nodes, running, pending }, seed) => {
        const objects: ClusterObjects = {
          nodes,
          pods: running.map(([template, at], index) => pod(`r${index}`, template, `node-${at}`)),
          namespaces: [],
          services: [service],
          replicaSets: [replicaSet(0), replicaSet(2), replicaSet(4)],
        };
        const snapshot = buildSnapshot(objects);
        const read = createPodReader(snapshot.namespaceLabels);
        const index = createPlacementIndex(snapshot);
        const rng = seededRng(seed);
        pending.forEach((template, at) => {
          const info = read(pod(`p${at}`, template));
          const expected = bestNodes(info, snapshot);
          const chosen = index.choose(info, rng);
          if (expected.length === 0) return expect(chosen).toBeUndefined();
          expect(expected.map(({ name }) => name)).toContain(chosen?.name);
          place(snapshot, info, chosen!);
          index.placed(info, chosen!);
        });
      }),
      { numRuns: 300 },
    );
  });

  it('leaves pods with wishes of their own about other pods to the full search', () => {
    const snapshot = buildSnapshot({
      nodes: [node(0, 0, 1, false)],
      pods: [],
      namespaces: [],
      services: [],
      replicaSets: [],
    });
    const read = createPodReader(snapshot.namespaceLabels);
    const plain = pod('p', 1);
    const term = { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: { app: 'x' } } };
    const near: Pod = {
      ...plain,
      spec: {
        ...plain.spec,
        affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } },
      },
    };
    const index = createPlacementIndex(snapshot);
    expect(index.choose(read(near), seededRng(1))).toBeUndefined();
    place(snapshot, read(near), snapshot.nodes[0]!);
    // A pod with terms is there now: it may have a say about every other pod.
    expect(index.choose(read(plain), seededRng(1))).toBeUndefined();
  });
});
