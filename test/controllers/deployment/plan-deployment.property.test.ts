import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRng } from '../../../src/base/rng.ts';
import { planDeployment } from '../../../src/controllers/deployment/plan-deployment.ts';
import {
  maxSurge,
  maxUnavailable,
  wantedReplicas,
} from '../../../src/controllers/deployment/rollout-math.ts';
import { isActive, isReady } from '../../../src/controllers/pod-facts.ts';
import { planReplicaSet } from '../../../src/controllers/replica-set/plan-replica-set.ts';
import { controllerOf } from '../../../src/schemas/object.ts';
import type { Deployment, Pod, ReplicaSet } from '../../../src/schemas/types.ts';
import type { Write } from '../../../src/resources/writing/write-plan.ts';
import { aDeployment } from '../../support/builders.ts';

type Action =
  | { readonly do: 'deployment' | 'replicaSets' | 'ready' | 'gone' }
  | { readonly do: 'image'; readonly image: string };

const actions = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.constantFrom<Action>(
        { do: 'deployment' },
        { do: 'replicaSets' },
        { do: 'ready' },
        { do: 'gone' },
      ),
    },
    { weight: 1, arbitrary: fc.constantFrom('a', 'b', 'c').map((image): Action => ({ do: 'image', image })) },
  ),
  { minLength: 20, maxLength: 120 },
);
const limit = fc.oneof(
  fc.integer({ min: 0, max: 5 }),
  fc.integer({ min: 0, max: 100 }).map((share) => `${String(share)}%`),
);
const shapes = fc
  .record({
    replicas: fc.integer({ min: 0, max: 12 }),
    maxSurge: limit,
    maxUnavailable: limit,
    start: fc.constant('a'),
  })
  .filter(
    (shape) =>
      Number.parseInt(String(shape.maxSurge), 10) + Number.parseInt(String(shape.maxUnavailable), 10) > 0,
  );

/** A world of plain maps: what the store, the caches and the kubelet would do, without time. */
function createWorld(deployment: Deployment) {
  const world = { deployment, sets: new Map<string, ReplicaSet>(), pods: new Map<string, Pod>(), clock: 0 };
  const rng = seededRng(7);

  function apply(writes: readonly Write[]): void {
    for (const write of writes) {
      const { verb, object } = write;
      const { name } = object.metadata;
      const store = object.kind === 'Pod' ? world.pods : world.sets;
      if (object.kind === 'Deployment') {
        world.deployment = object as Deployment;
        continue;
      }
      const map = store as Map<string, typeof object>;
      if (verb === 'create') {
        world.clock += 1;
        const creationTimestamp = new Date(world.clock * 1000).toISOString();
        const status = object.kind === 'ReplicaSet' ? { status: { replicas: 0 } } : {};
        map.set(name, {
          ...object,
          ...status,
          metadata: {
            ...object.metadata,
            uid: `${object.kind}-${name}-${String(world.clock)}`,
            generation: 1,
            creationTimestamp,
          },
        });
      } else if (verb === 'delete') {
        const found = map.get(name);
        if (object.kind === 'Pod' && found) {
          map.set(name, { ...found, metadata: { ...found.metadata, deletionTimestamp: 'now' } });
        } else map.delete(name);
      } else {
        const isStatus = write.verb === 'update' && write.subresource === 'status';
        const bump = (map.get(name)?.metadata.generation ?? 0) + (isStatus ? 0 : 1);
        map.set(name, { ...object, metadata: { ...object.metadata, generation: bump } });
      }
    }
  }

  function step(action: Action): void {
    switch (action.do) {
      case 'deployment': {
        const view = {
          deployment: world.deployment,
          replicaSets: [...world.sets.values()],
          pods: [...world.pods.values()],
          orphans: [],
          isNameTaken: (name: string) => world.sets.has(name),
        };
        const plan = planDeployment(view, world.clock * 1000);
        return apply(plan.writes);
      }
      case 'replicaSets':
        for (const replicaSet of world.sets.values()) {
          const pods = [...world.pods.values()].filter(
            (pod) => controllerOf(pod)?.uid === replicaSet.metadata.uid,
          );
          apply(planReplicaSet({ replicaSet, pods, related: pods, rng, mayAct: true }, 0).writes);
        }
        return;
      case 'ready': {
        const pod = [...world.pods.values()].find((item) => isActive(item) && !isReady(item));
        const status = {
          phase: 'Running' as const,
          conditions: [{ type: 'Ready', status: 'True' as const }],
        };
        if (pod) world.pods.set(pod.metadata.name, { ...pod, status });
        return;
      }
      case 'gone': {
        const pod = [...world.pods.values()].find((item) => !isActive(item));
        if (pod) world.pods.delete(pod.metadata.name);
        return;
      }
      case 'image': {
        const template = {
          ...world.deployment.spec.template,
          spec: { containers: [{ name: 'c', image: action.image }] },
        };
        const generation = (world.deployment.metadata.generation ?? 1) + 1;
        world.deployment = {
          ...world.deployment,
          metadata: { ...world.deployment.metadata, generation },
          spec: { ...world.deployment.spec, template },
        };
        return;
      }
    }
  }
  const active = (): Pod[] => [...world.pods.values()].filter(isActive);
  return { step, world, active, available: () => active().filter(isReady).length };
}

const converge: readonly Action[] = Array.from({ length: 300 }, (_, index): Action => {
  const order = ['deployment', 'replicaSets', 'ready', 'gone'] as const;
  return { do: order[index % 4] ?? 'ready' };
});

describe('a rolling update', () => {
  it('keeps INVARIANTS 1 at every step of every interleaving, and converges', () => {
    fc.assert(
      fc.property(shapes, actions, (shape, sequence) => {
        const { step, world, active, available } = createWorld(
          aDeployment({
            replicas: shape.replicas,
            image: shape.start,
            spec: {
              strategy: {
                type: 'RollingUpdate',
                rollingUpdate: { maxSurge: shape.maxSurge, maxUnavailable: shape.maxUnavailable },
              },
            },
          }),
        );
        for (const action of converge) step(action);
        expect(available()).toBe(shape.replicas);
        const most = wantedReplicas(world.deployment) + maxSurge(world.deployment);
        const least = wantedReplicas(world.deployment) - maxUnavailable(world.deployment);
        for (const action of [...sequence, ...converge]) {
          step(action);
          expect(active().length).toBeLessThanOrEqual(most);
          expect(available()).toBeGreaterThanOrEqual(least);
        }
        const image = world.deployment.spec.template.spec?.containers[0]?.image;
        expect(active()).toHaveLength(shape.replicas);
        expect(active().every((pod) => pod.spec.containers[0]?.image === image)).toBe(true);
      }),
      { numRuns: 400 },
    );
  });
});
