/** The worker on the memory store: hints may be lost, refused pods rest until something helps. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sleep } from '../../../src/base/clock.ts';
import { silentLogger } from '../../../src/base/logger.ts';
import { seededRng } from '../../../src/base/rng.ts';
import { createMemoryQueues } from '../../doubles/memory-queues.ts';
import type { Queues } from '../../../src/queue/types.ts';
import { startPlacementWorker } from '../../../src/scheduler/worker/placement-worker.ts';
import type { SchedulingEvent } from '../../../src/scheduler/plan-binding.ts';
import { keyOf, type KubeObject } from '../../../src/schemas/object.ts';
import { builtinRegistry } from '../../../src/schemas/registry.ts';
import type { Pod } from '../../../src/schemas/types.ts';
import { createCacheSet } from '../../../src/store/cache/cache-set.ts';
import type { CacheSet } from '../../../src/store/cache/cache.ts';
import { createMemoryStore } from '../../doubles/memory-store/memory-store.ts';
import { createPlacementProofs } from '../../../src/resources/writing/placement-proof.ts';
import type { Store } from '../../../src/store/types.ts';
import {
  aClaim,
  aClass,
  aVolume,
  CLAIMS,
  userOf,
  VOLUMES,
} from '../../controllers/storage/storage-cluster.ts';
import { aNode, aPod, aReplicaSet } from '../../support/builders.ts';
import { createObjects } from '../../support/objects.ts';
import { createFakeClock, type FakeClock, settle } from '../../support/fake-clock.ts';

const NOT_READY = { key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' } as const;
const proofs = createPlacementProofs(Buffer.alloc(32, 7));

describe('the placement worker', () => {
  let clock: FakeClock;
  let store: Store;
  let caches: CacheSet;
  let events: SchedulingEvent[];
  let mayAct: boolean;
  let parts: AsyncDisposable[];
  let jobsAdded: number;
  /** As a queue in Redis takes a moment for a job. */
  let addTakesMs: number;

  beforeEach(() => {
    clock = createFakeClock();
    store = createMemoryStore({ clock });
    caches = createCacheSet({ store, clock, logger: silentLogger });
    events = [];
    mayAct = true;
    jobsAdded = 0;
    addTakesMs = 0;
    parts = [caches];
  });
  afterEach(async () => {
    for (const part of parts.reverse()) await part[Symbol.asyncDispose]();
  });

  async function start(loseShare = 0, expectedNodes: readonly string[] = []): Promise<void> {
    const rng = seededRng(1);
    const queues = createMemoryQueues({ clock, logger: silentLogger, faults: { rng, loseShare } });
    const counted: Queues = {
      ...queues,
      queue(name) {
        const queue = queues.queue(name);
        return {
          async add(...job) {
            jobsAdded += 1;
            if (addTakesMs > 0) await sleep(clock, addTakesMs);
            return queue.add(...job);
          },
        };
      },
    };
    const starting = startPlacementWorker({
      writer: createObjects({ store, registry: builtinRegistry, clock, rng: seededRng(2), proofs }),
      caches,
      queues: counted,
      clock,
      rng,
      logger: silentLogger,
      expectedNodes,
      mayAct: () => mayAct,
      recordEvent: (event) => events.push(event),
    });
    await clock.advance(0);
    parts.push(queues, await starting);
  }
  async function create(resource: string, object: KubeObject): Promise<void> {
    await store.commit([{ type: 'create', resource, key: keyOf(object), object }]);
  }
  async function thePod(name = 'web'): Promise<Pod> {
    return (await store.get('pods', `default/${name}`)) as Pod;
  }
  const small = aNode({ name: 'small', labels: {} });

  it('binds a pod that comes, and says so', async () => {
    await create('nodes', small);
    await start();
    await create('pods', aPod());
    await clock.advance(100);
    const bound = await thePod();
    expect(bound.spec.nodeName).toBe('small');
    expect(bound.status?.conditions).toMatchObject([{ type: 'PodScheduled', status: 'True' }]);
    expect(events.map(({ reason, message }) => [reason, message])).toEqual([
      ['Scheduled', 'Successfully assigned default/web to small'],
    ]);
  });

  it('adds few jobs for many pods that come at once', async () => {
    addTakesMs = 5;
    await create('nodes', small);
    await start();
    await store.commit(
      Array.from({ length: 50 }, (_, index) => {
        const object = aPod({ name: `web-${index}` });
        return { type: 'create' as const, resource: 'pods', key: keyOf(object), object };
      }),
    );
    await clock.advance(3_000);
    expect(events.filter(({ reason }) => reason === 'Scheduled')).toHaveLength(50);
    expect(jobsAdded).toBeLessThan(10);
  });

  it('ends although its caches do not show its last placement yet', async () => {
    const memory = store;
    store = {
      ...memory,
      async *watch(resource, fromVersion, signal) {
        for await (const change of memory.watch(resource, fromVersion, signal)) {
          while (resource === 'pods' && change.type === 'MODIFIED' && !signal.aborted) await settle(1);
          yield change;
        }
      },
    };
    caches = createCacheSet({ store, clock, logger: silentLogger });
    parts = [caches];
    await create('nodes', small);
    await start();
    await create('pods', aPod());
    await clock.advance(100);
    expect((await thePod()).spec.nodeName).toBe('small');
    expect(events).toHaveLength(1);
    let hasEnded = false;
    void Promise.resolve(parts.pop()?.[Symbol.asyncDispose]()).then(() => (hasEnded = true));
    await settle(20);
    expect(hasEnded).toBe(true);
  });

  it('binds pods that were there before it, and those whose jobs are all lost', async () => {
    await create('nodes', small);
    await create('pods', aPod());
    await start(1);
    await create('pods', aPod({ name: 'later' }));
    await clock.advance(10_000);
    expect((await thePod()).spec.nodeName).toBe('small');
    expect((await thePod('later')).spec.nodeName).toBe('small');
  });

  it('leaves a refused pod alone until something helps, writing its reason once', async () => {
    await create('nodes', small);
    await start();
    await create('pods', aPod({ spec: { nodeSelector: { disk: 'ssd' } } }));
    await clock.advance(30_000);
    const refused = await thePod();
    expect(refused.status?.conditions?.[0]).toMatchObject({ status: 'False', reason: 'Unschedulable' });
    expect(events).toHaveLength(1);
    await create('nodes', aNode({ name: 'fast', labels: { disk: 'ssd' } }));
    await clock.advance(100);
    expect((await thePod()).spec.nodeName).toBe('fast');
    expect((await thePod()).metadata.uid).toBe(refused.metadata.uid);
  });

  it('does nothing while the store is being rebuilt', async () => {
    mayAct = false;
    await create('nodes', small);
    await start();
    await create('pods', aPod());
    await clock.advance(20_000);
    expect((await thePod()).spec.nodeName).toBeUndefined();
    mayAct = true;
    await clock.advance(10_000);
    expect((await thePod()).spec.nodeName).toBe('small');
  });

  it('places the others when one pod changes under its hands', async () => {
    await create('nodes', small);
    await create('pods', aPod({ name: 'moving' }));
    await create('pods', aPod({ name: 'steady' }));
    const commit = store.commit.bind(store);
    let raced = false;
    store.commit = async (ops, options) => {
      if (!raced && ops.some((op) => op.key === 'default/moving')) {
        raced = true;
        const current = (await store.get('pods', 'default/moving')) as Pod;
        const expectedVersion = current.metadata.resourceVersion ?? '';
        await commit([{ type: 'delete', resource: 'pods', key: 'default/moving', expectedVersion }]);
      }
      return commit(ops, options);
    };
    await start();
    await clock.advance(20_000);
    expect(raced).toBe(true);
    expect((await thePod('steady')).spec.nodeName).toBe('small');
    expect(await thePod('moving')).toBeUndefined();
  });

  it('sees that a claim is bound while the bindings of other pods are written', async () => {
    const selected = { 'volume.kubernetes.io/selected-node': 'small' };
    const claim = aClaim();
    await create(CLAIMS, { ...claim, metadata: { ...claim.metadata, annotations: selected } });
    await create('storageclasses.storage.k8s.io', aClass('local', { provisioner: 'example.com/p' }));
    await create('nodes', small);
    await create('pods', userOf('data', 'waiting'));
    await create('pods', aPod({ name: 'plain' }));
    const commit = store.commit.bind(store);
    let raced = false;
    store.commit = async (ops, options) => {
      if (raced || ops.some(({ key }) => key !== 'default/plain')) return commit(ops, options);
      raced = true;
      const stored = (await store.get(CLAIMS, 'default/data')) as typeof claim;
      const annotations = { ...selected, 'pv.kubernetes.io/bind-completed': 'yes' };
      const object = {
        ...stored,
        metadata: { ...stored.metadata, annotations },
        spec: { ...stored.spec, volumeName: 'v1' },
      };
      const expectedVersion = stored.metadata.resourceVersion ?? '';
      await create(VOLUMES, aVolume('v1', { claimRef: { namespace: 'default', name: 'data' } }));
      await commit([{ type: 'update', resource: CLAIMS, key: 'default/data', object, expectedVersion }]);
      await sleep(clock, 50);
      return commit(ops, options);
    };
    await start();
    await clock.advance(10_000);
    expect(raced).toBe(true);
    expect((await thePod('plain')).spec.nodeName).toBe('small');
    expect((await thePod('waiting')).spec.nodeName).toBe('small');
  });

  const NODES = ['n1', 'n2', 'n3'];
  const nodesOf = async (pods: readonly string[]): Promise<(string | undefined)[]> =>
    (await Promise.all(pods.map(thePod))).map(({ spec }) => spec.nodeName).sort();
  async function createReplicas(names: readonly string[]): Promise<void> {
    await create('replicasets.apps', aReplicaSet({ name: 'web', uid: 'rs', app: 'web' }));
    const ownerReferences = [
      { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web', uid: 'rs', controller: true },
    ];
    for (const name of names) await create('pods', aPod({ name, labels: { app: 'web' }, ownerReferences }));
  }

  it('spreads the first replicas over nodes that come one after the other, without a refusal', async () => {
    await start(0, NODES);
    await createReplicas(['a', 'b', 'c']);
    for (const name of NODES) {
      const { status, ...registered } = aNode({ name });
      await create('nodes', registered);
      await clock.advance(700);
      expect(events).toEqual([]);
      const expectedVersion = (await store.get('nodes', name))?.metadata.resourceVersion ?? '';
      const object = { ...registered, status } as KubeObject;
      await store.commit([{ type: 'update', resource: 'nodes', key: name, object, expectedVersion }]);
      await clock.advance(300);
    }
    expect(await nodesOf(['a', 'b', 'c'])).toEqual(NODES);
    expect(events.map(({ reason }) => reason)).toEqual(['Scheduled', 'Scheduled', 'Scheduled']);
  });

  it('places the first pods without a node that never comes, and later ones at once', async () => {
    await start(0, NODES);
    await createReplicas(['a', 'b']);
    for (const name of ['n1', 'n2']) await create('nodes', aNode({ name }));
    await clock.advance(12_000);
    expect(await nodesOf(['a', 'b'])).toEqual(['n1', 'n2']);
    await create('nodes', { ...aNode({ name: 'n4' }), status: {} });
    await create('pods', aPod({ name: 'later' }));
    await clock.advance(100);
    expect((await thePod('later')).spec.nodeName).toBeDefined();
  });

  it('says that there is no node, and places the pod once one comes', async () => {
    await start();
    await create('pods', aPod());
    await clock.advance(15_000);
    expect(events.map(({ message }) => message)).toEqual(['no nodes available to schedule pods']);
    await create('nodes', small);
    await clock.advance(5_000);
    expect((await thePod()).spec.nodeName).toBe('small');
  });

  it('spreads pods that were refused while the engine of all nodes was down', async () => {
    await start(0, NODES);
    await createReplicas(['a', 'b', 'c']);
    for (const name of NODES) await create('nodes', aNode({ name, ready: false, taints: [NOT_READY] }));
    await clock.advance(300_000);
    expect(events).toHaveLength(3);
    for (const name of NODES) {
      const expectedVersion = (await store.get('nodes', name))?.metadata.resourceVersion ?? '';
      await store.commit([
        { type: 'update', resource: 'nodes', key: name, object: aNode({ name }), expectedVersion },
      ]);
      await clock.advance(700);
    }
    await clock.advance(3_000);
    expect(await nodesOf(['a', 'b', 'c'])).toEqual(NODES);
  });
});
