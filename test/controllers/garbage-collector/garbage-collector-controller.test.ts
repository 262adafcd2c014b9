import { afterEach, expect, it } from 'vitest';
import { garbageCollector } from '../../../src/controllers/garbage-collector/garbage-collector-controller.ts';
import type { Controller } from '../../../src/controllers/controller.ts';
import { runController } from '../../../src/controllers/run-controller.ts';
import { builtinRegistry } from '../../../src/schemas/registry.ts';
import type { MemoryStore } from '../../doubles/memory-store/memory-store.ts';
import { startTestCluster, type TestCluster } from '../../support/cluster.ts';

let cluster: TestCluster;
afterEach(() => cluster[Symbol.asyncDispose]());

const aMap = (name: string, ownerUid?: string) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: {
    name,
    namespace: 'default',
    ...(ownerUid
      ? { ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'owner', uid: ownerUid }] }
      : {}),
  },
});

it('asks the store for no owner that its caches know, and still collects when the owner goes', async () => {
  const asked: string[] = [];
  const wrapStore = (store: MemoryStore) => ({
    ...store,
    get: (resource: string, key: string) => {
      asked.push(`${resource} ${key}`);
      return store.get(resource, key);
    },
  });
  cluster = await startTestCluster({ wrapStore });
  const running = await runController(garbageCollector, cluster.context);
  const owner = await cluster.objects.create(aMap('owner'));
  await cluster.clock.advance(1_000);
  asked.length = 0;
  for (let index = 0; index < 20; index += 1)
    await cluster.objects.create(aMap(`dependent-${index}`, owner.metadata.uid));
  await cluster.clock.advance(1_000);
  expect(asked.filter((one) => one.endsWith('/owner'))).toEqual([]);
  await cluster.objects.delete(builtinRegistry.byKind('v1', 'ConfigMap')!, 'default/owner');
  await cluster.clock.advance(5_000);
  const left = (await cluster.store.list('configmaps')).objects.map(({ metadata }) => metadata.name);
  expect(left.filter((name) => name.startsWith('dependent'))).toEqual([]);
  await running[Symbol.asyncDispose]();
});

it('looks at no new object whose owners are here to stay', async () => {
  cluster = await startTestCluster();
  const looked: string[] = [];
  const spying: Controller = {
    ...garbageCollector,
    async open(context, scope) {
      const reconciler = await garbageCollector.open(context, scope);
      return {
        ...reconciler,
        observe(key, signal) {
          looked.push(key);
          return reconciler.observe(key, signal);
        },
      };
    },
  };
  const running = await runController(spying, cluster.context);
  const owner = await cluster.objects.create(aMap('owner'));
  await cluster.objects.create(aMap('held', owner.metadata.uid));
  await cluster.objects.create(aMap('stray', 'somebody else'));
  await cluster.clock.advance(1_000);
  expect(new Set(looked)).toEqual(new Set(['configmaps default/stray']));
  await running[Symbol.asyncDispose]();
});

const POLICIES = ['Background', 'Foreground', 'Orphan'] as const;
it.each(POLICIES)('collects owners in a circle, and nothing else: %s', async (propagationPolicy) => {
  cluster = await startTestCluster();
  const maps = await Promise.all(
    ['a', 'b', 'c', 'bystander'].map((name) => cluster.objects.create(aMap(name))),
  );
  for (const [index, map] of maps.slice(0, 3).entries()) {
    const { name, uid = '' } = maps[(index + 1) % 3]!.metadata;
    const owner = { apiVersion: 'v1', kind: 'ConfigMap', name, uid, blockOwnerDeletion: true };
    await cluster.objects.update({ ...map, metadata: { ...map.metadata, ownerReferences: [owner] } });
  }
  await cluster.clock.advance(5_000);
  const names = async () =>
    (await cluster.store.list('configmaps')).objects.map(({ metadata }) => metadata.name).sort();
  expect(await names()).toEqual(['a', 'b', 'bystander', 'c']);
  await cluster.objects.delete(builtinRegistry.byKind('v1', 'ConfigMap')!, 'default/a', {
    propagationPolicy,
  });
  await cluster.clock.advance(10_000);
  const orphans = propagationPolicy === 'Orphan' ? ['b', 'bystander', 'c'] : ['bystander'];
  expect(await names()).toEqual(orphans);
});
