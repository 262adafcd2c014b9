import { expect, it } from 'vitest';
import { seededRng } from '../../../src/base/rng.ts';
import type { KubeObject } from '../../../src/schemas/object.ts';
import type { Registry, ResourceKind } from '../../../src/schemas/resource-kind.ts';
import { createMemoryStore } from '../../doubles/memory-store/memory-store.ts';
import { absent, unchanged } from '../../../src/resources/writing/write-plan.ts';
import { kubernetesStrategy, type Strategy } from '../../../src/resources/writing/plan-write.ts';
import { createWriter } from '../../../src/resources/writing/writer.ts';
import { createObjects } from '../../support/objects.ts';
import type { StoreOp } from '../../../src/store/types.ts';
import { anObject } from '../../contracts/store.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

const kind: ResourceKind = {
  group: '',
  version: 'v1',
  kind: 'ConfigMap',
  plural: 'configmaps',
  singular: 'configmap',
  shortNames: [],
  categories: [],
  namespaced: true,
  subresources: [],
  applyOrder: 0,
  countsGeneration: false,
  behaviour: 'implemented',
  withDefaults: (object) => object,
  checkStructure: () => [],
  validate: (object) =>
    object['bad'] ? [{ type: 'FieldValueInvalid', path: 'bad', value: true, detail: 'must be good' }] : [],
  validateUpdate: () => [],
  checkImplemented: () => [],
  waitsUnimplemented: false,
  prepareForCreate: (object) => object,
  prepareForUpdate: (next) => next,
};
const registry: Registry = {
  kinds: [kind],
  stored: [kind],
  version: 0,
  subscribe: () => ({ [Symbol.dispose]: () => undefined }),
  byKind: (apiVersion, name) => (apiVersion === 'v1' && name === 'ConfigMap' ? kind : undefined),
  byResource: () => kind,
  byId: () => kind,
};

function setUp() {
  const clock = createFakeClock();
  const store = createMemoryStore({ clock });
  const commits: (readonly StoreOp[])[] = [];
  /** Runs before the next commit: somebody else's write, for example. */
  const interference: (() => Promise<unknown>)[] = [];
  const spying = {
    ...store,
    async commit(...args: Parameters<typeof store.commit>) {
      commits.push(args[0]);
      await interference.shift()?.();
      return store.commit(...args);
    },
  };
  const objects = createObjects({ store: spying, registry, clock, rng: seededRng(1) });
  return { store, objects, commits, interference };
}
const withData = (object: KubeObject, data: Record<string, unknown>): KubeObject => ({ ...object, data });
const unversioned = (object: KubeObject): KubeObject => {
  const metadata = { ...object.metadata };
  delete metadata.resourceVersion;
  return { ...object, metadata };
};

it('creates with uid and creation time, and gives the object back', async () => {
  const { objects } = setUp();
  const created = await objects.create(anObject('a'));
  expect(created.metadata.uid).toMatch(/^[0-9a-f-]{36}$/);
  expect(created.metadata.creationTimestamp).toBe('2026-01-01T00:00:00Z');
  expect(await objects.get(kind, 'default/a')).toEqual(created);
});

it('answers as Kubernetes does to what exists, is missing, stale or invalid', async () => {
  const { objects } = setUp();
  const created = await objects.create(anObject('a'));
  await expect(objects.create(anObject('a'))).rejects.toMatchObject({ reason: 'AlreadyExists' });
  await expect(objects.get(kind, 'default/b')).rejects.toMatchObject({ reason: 'NotFound' });
  await expect(objects.update(anObject('b'))).rejects.toMatchObject({ reason: 'NotFound' });
  await expect(objects.delete(kind, 'default/b')).rejects.toMatchObject({ reason: 'NotFound' });
  await objects.update(withData(created, { n: 1 }));
  await expect(objects.update(withData(created, { n: 2 }))).rejects.toMatchObject({ reason: 'Conflict' });
  await expect(objects.create({ ...anObject('c'), bad: true })).rejects.toMatchObject({ reason: 'Invalid' });
  await expect(objects.create({ ...anObject('c'), kind: 'Nothing' })).rejects.toMatchObject({
    reason: 'BadRequest',
  });
  const big = withData(anObject('big'), { text: 'x'.repeat(1_600_000) });
  await expect(objects.create(big)).rejects.toMatchObject({ reason: 'RequestEntityTooLarge' });
});

it('does not write an update that changes nothing', async () => {
  const { objects, commits } = setUp();
  const created = await objects.create(anObject('a', { n: 1 }));
  expect(await objects.update(unversioned(created))).toEqual(created);
  expect(commits).toHaveLength(1);
});

it('tries an update without a version again after losing a race, and one with a version not', async () => {
  const { store, objects, interference } = setUp();
  const created = await objects.create(anObject('a'));
  const race = (n: number) => async () => {
    const current = (await store.get('configmaps', 'default/a')) as KubeObject;
    await store.commit([
      {
        type: 'update',
        resource: 'configmaps',
        key: 'default/a',
        object: withData(current, { n }),
        expectedVersion: current.metadata.resourceVersion ?? '',
      },
    ]);
  };
  interference.push(race(1));
  const updated = await objects.update(withData(unversioned(created), { mine: true }));
  expect(updated['data']).toEqual({ mine: true });
  interference.push(race(2));
  await expect(objects.update(withData(updated, { n: 3 }))).rejects.toMatchObject({ reason: 'Conflict' });
});

it('gives up an update without a version in the end', async () => {
  const { store, objects, interference } = setUp();
  const created = await objects.create(anObject('a'));
  for (let n = 0; n < 50; n += 1) {
    interference.push(async () => {
      const current = (await store.get('configmaps', 'default/a')) as KubeObject;
      const expectedVersion = current.metadata.resourceVersion ?? '';
      const object = withData(current, { n });
      await store.commit([
        { type: 'update', resource: 'configmaps', key: 'default/a', object, expectedVersion },
      ]);
    });
  }
  await expect(objects.update(withData(unversioned(created), { mine: true }))).rejects.toMatchObject({
    reason: 'Conflict',
  });
  expect(interference.length).toBeGreaterThan(30);
});

it('removes what nothing holds, and marks what waits for a finalizer until that is gone', async () => {
  const { store, objects } = setUp();
  await objects.create(anObject('free'));
  await objects.delete(kind, 'default/free');
  expect(await store.get('configmaps', 'default/free')).toBeUndefined();

  const held = anObject('held');
  held.metadata.finalizers = ['symphony.dev/test'];
  await objects.create(held);
  const marked = await objects.delete(kind, 'default/held');
  expect(marked.metadata.deletionTimestamp).toBeDefined();
  const metadata = { ...marked.metadata };
  delete metadata.finalizers;
  await objects.update({ ...marked, metadata });
  expect(await store.get('configmaps', 'default/held')).toBeUndefined();
});

it('applies many writes in one commit, all or nothing, and leaves out what changes nothing', async () => {
  const { store, objects, commits } = setUp();
  const a = await objects.create(anObject('a', { n: 1 }));
  const b = await objects.create(anObject('b', { n: 1 }));
  const results = await objects.apply([
    { verb: 'update', object: withData(a, { n: 2 }) },
    { verb: 'update', object: b },
    { verb: 'create', object: anObject('c') },
  ]);
  expect(results.map((object) => object?.metadata.name)).toEqual(['a', 'b', 'c']);
  expect(commits.at(-1)).toHaveLength(2);
  const failing = objects.apply([
    { verb: 'create', object: anObject('d') },
    { verb: 'update', object: withData(a, { n: 3 }) },
  ]);
  await expect(failing).rejects.toMatchObject({ reason: 'Conflict' });
  expect(await store.get('configmaps', 'default/d')).toBeUndefined();
});

it('writes nothing when an object that the plan was made from has changed, is gone, or has come', async () => {
  const { store, objects } = setUp();
  const seen = await objects.create(anObject('owner'));
  const plan = [{ verb: 'create', object: anObject('child') }] as const;
  await objects.apply(plan, { checks: [unchanged(seen), absent(anObject('child'))] });
  await objects.update(withData(seen, { a: 'b' }));
  const again = [{ verb: 'create', object: anObject('second') }] as const;
  const refused = { name: 'StatusError', status: { reason: 'Conflict', details: { name: 'owner' } } };
  await expect(objects.apply(again, { checks: [unchanged(seen)] })).rejects.toMatchObject(refused);
  await expect(objects.apply(again, { checks: [absent(seen)] })).rejects.toMatchObject(refused);
  await expect(objects.apply(again, { checks: [unchanged(anObject('none'))] })).rejects.toThrow('none');
  expect((await store.list('configmaps')).objects).toHaveLength(2);
});

it('does not try a plan again whose check failed, though its own writes might be', async () => {
  const { objects, commits } = setUp();
  const owner = await objects.create(anObject('owner'));
  await objects.update(withData(owner, { a: 'b' }));
  const generated = { ...anObject(''), metadata: { generateName: 'x-', namespace: 'default', name: '' } };
  const before = commits.length;
  await expect(
    objects.apply([{ verb: 'create', object: generated }], { checks: [unchanged(owner)] }),
  ).rejects.toThrow('the object has been modified');
  expect(commits).toHaveLength(before + 1);
});

it('makes another name where the generated one is taken', async () => {
  const { objects, store } = setUp();
  const generated = { ...anObject(''), metadata: { generateName: 'x-', namespace: 'default', name: '' } };
  const twin = createObjects({ store, registry, clock: createFakeClock(), rng: seededRng(1) });
  const names = [await objects.create(generated), await twin.create(generated)].map(
    ({ metadata }) => metadata.name,
  );
  expect(new Set(names).size).toBe(2);
});

it('plans one of several new objects that differ in their generated names only', async () => {
  const { store } = setUp();
  const planned: string[] = [];
  const strategy: Strategy = {
    ...kubernetesStrategy,
    prepareCreate(asked, object, context) {
      planned.push(object.metadata.name);
      return kubernetesStrategy.prepareCreate(asked, object, context);
    },
  };
  const writer = createWriter({ store, registry, clock: createFakeClock(), rng: seededRng(1), strategy });
  const spec = { containers: [{ name: 'main' }] };
  const labels = { app: 'web' };
  const aPod = (name: string, more: object = { labels }, rest: object = { spec }): KubeObject => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, generateName: 'web-', namespace: 'n', ...more },
    ...rest,
  });
  const objects = [
    aPod('web-bcdfg'),
    aPod('web-hjklm'),
    aPod('web-nopqr'), // "o" is in no generated name: it is checked by itself.
    aPod('web-22222', { labels: { ...labels } }),
    aPod('web-44444', { labels }, { spec: { ...spec } }),
    aPod('web-55555'),
  ];
  const plan = { writes: objects.map((object) => ({ verb: 'create' as const, object })) };
  const results = await writer.write(plan, { actor: { user: { name: 'u', groups: [] } } });
  expect(planned).toEqual(['web-bcdfg', 'web-nopqr', 'web-22222', 'web-44444', 'web-55555']);
  expect(results.map((object) => object?.metadata.name)).toEqual(
    objects.map(({ metadata }) => metadata.name),
  );
  expect(new Set(results.map((object) => object?.metadata.uid)).size).toBe(objects.length);
  expect(results[1]).toMatchObject({ metadata: { labels, generateName: 'web-' }, spec });
});
