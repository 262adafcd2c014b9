/**
 * Whatever happens to a StatefulSet and its pods: an ordinal never has two pods, nothing is written
 * twice in a commit, the order and the limits hold, and it comes to rest as it was asked for.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isDeleting } from '../../../src/controllers/ownership.ts';
import { isReady } from '../../../src/controllers/pod-facts.ts';
import type { Pod } from '../../../src/schemas/types.ts';
import { aClaimTemplate, aPlanWorld, type PlanWorld, templateOf } from './plan-world.ts';

type Action =
  | { readonly do: 'reconcile' }
  | { readonly do: 'ready' | 'unready' | 'failed' | 'deleted' | 'gone'; readonly ordinal: number }
  | { readonly do: 'scale'; readonly replicas: number }
  | { readonly do: 'start'; readonly start: number }
  | { readonly do: 'image'; readonly image: string }
  | { readonly do: 'partition'; readonly partition: number };

const small = fc.integer({ min: 0, max: 4 });
const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 6, arbitrary: fc.constant<Action>({ do: 'reconcile' }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constantFrom('ready', 'unready', 'failed', 'deleted', 'gone'),
      ordinal: small,
    }),
  },
  fc.record({ do: fc.constant('scale'), replicas: small }),
  fc.record({ do: fc.constant('start'), start: fc.integer({ min: 0, max: 2 }) }),
  fc.record({ do: fc.constant('image'), image: fc.constantFrom('a', 'b', 'c') }),
  fc.record({ do: fc.constant('partition'), partition: small }),
);

const policies = {
  podManagementPolicy: fc.constantFrom('OrderedReady' as const, 'Parallel' as const),
  maxUnavailable: fc.constantFrom(undefined, 1, 2, '50%'),
  whenScaled: fc.constantFrom('Retain' as const, 'Delete' as const),
  whenDeleted: fc.constantFrom('Retain' as const, 'Delete' as const),
};

const isGood = (pod: Pod): boolean => isReady(pod) && pod.status?.phase === 'Running' && !isDeleting(pod);

function act(world: PlanWorld, step: Action): void {
  const rolling = world.set.spec.updateStrategy?.rollingUpdate ?? {};
  switch (step.do) {
    case 'reconcile':
      return check(world);
    case 'scale':
      return world.change({ replicas: step.replicas });
    case 'start':
      return world.change({ ordinals: { start: step.start } });
    case 'image':
      return world.change({ template: templateOf(step.image) });
    case 'partition': {
      const updateStrategy = {
        type: 'RollingUpdate' as const,
        rollingUpdate: { ...rolling, partition: step.partition },
      };
      return world.change({ updateStrategy });
    }
    default: {
      const name = `db-${String(step.ordinal)}`;
      const pod = world.pods.get(name);
      // A pod goes after it was deleted, or by force.
      if (pod && (step.do === 'gone' || !isDeleting(pod))) world.setPod(name, step.do);
    }
  }
}

function check(world: PlanWorld): void {
  const before = new Map(world.pods);
  const plan = world.reconcile();
  const keys = plan.writes.map(({ object, verb }) =>
    object.kind === 'StatefulSet' ? verb : `${object.kind}/${object.metadata.name}`,
  );
  expect(new Set(keys).size).toBe(keys.length);
  const ofPods = plan.writes.filter(({ object }) => object.kind === 'Pod');
  const created = ofPods.filter(({ verb }) => verb === 'create');
  const deleted = ofPods.filter(({ verb }) => verb === 'delete');
  for (const { object } of created) expect(before.has(object.metadata.name)).toBe(false);
  if (world.set.spec.podManagementPolicy === 'Parallel') return;
  expect(created.length).toBeLessThanOrEqual(1);
  const start = world.set.spec.ordinals?.start ?? 0;
  for (const { object } of created) {
    const ordinal = Number(object.metadata.name.slice('db-'.length));
    for (let lower = start; lower < ordinal; lower += 1) {
      const pod = before.get(`db-${String(lower)}`);
      expect(pod && isGood(pod)).toBe(true);
    }
  }
  const { maxUnavailable } = world.set.spec.updateStrategy?.rollingUpdate ?? {};
  if (maxUnavailable === undefined) expect(deleted.length).toBeLessThanOrEqual(1);
}

function expectRest(world: PlanWorld): void {
  const { spec, status } = world.set;
  const { replicas = 1, ordinals } = spec;
  const start = ordinals?.start ?? 0;
  const names = Array.from({ length: replicas }, (_, index) => `db-${String(start + index)}`);
  expect([...world.pods.keys()].sort()).toEqual(names.sort());
  const image = spec.template.spec?.containers[0]?.image;
  const partition = start + (spec.updateStrategy?.rollingUpdate?.partition ?? 0);
  for (const [name, pod] of world.pods) {
    if (Number(name.slice('db-'.length)) < partition) continue;
    expect(pod.spec.containers[0]?.image).toBe(image);
    expect(pod.metadata.labels?.['controller-revision-hash']).toBe(status?.updateRevision);
  }
  for (const name of names) expect([...world.claims.keys()]).toContain(`data-${name}`);
  expect(status).toMatchObject({
    observedGeneration: world.set.metadata.generation,
    replicas,
    availableReplicas: replicas,
  });
}

describe('a StatefulSet', () => {
  it('keeps its promises under any history, and comes to rest', () => {
    fc.assert(
      fc.property(
        fc.record(policies),
        fc.array(action, { maxLength: 60 }),
        ({ podManagementPolicy, maxUnavailable, whenScaled, whenDeleted }, steps) => {
          const rollingUpdate = maxUnavailable === undefined ? {} : { maxUnavailable };
          const world = aPlanWorld({
            replicas: 3,
            podManagementPolicy,
            updateStrategy: { type: 'RollingUpdate', rollingUpdate },
            persistentVolumeClaimRetentionPolicy: { whenScaled, whenDeleted },
            volumeClaimTemplates: [aClaimTemplate()],
          });
          for (const step of steps) act(world, step);
          world.settle();
          expectRest(world);
          expect(world.plan().writes).toEqual([]);
        },
      ),
      { numRuns: 300 },
    );
  });
});
