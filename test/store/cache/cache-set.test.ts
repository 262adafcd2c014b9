import { expect, it } from 'vitest';
import { silentLogger } from '../../../src/base/logger.ts';
import type { CacheEvent } from '../../../src/store/cache/cache.ts';
import { type CacheSetOptions, createCacheSet } from '../../../src/store/cache/cache-set.ts';
import { createMemoryStore } from '../../../src/store/memory/memory-store.ts';
import { Gone } from '../../../src/store/types.ts';
import { anObject } from '../../contracts/store.ts';
import { createFakeClock, settle } from '../../support/fake-clock.ts';

const R = 'configmaps';
const create = (name: string, data = {}) =>
  ({ type: 'create', resource: R, key: `default/${name}`, object: anObject(name, data) }) as const;

async function setUp(options: Pick<CacheSetOptions, 'historyLimit' | 'watchQueueLimit' | 'problemOf'> = {}) {
  const clock = createFakeClock();
  const store = createMemoryStore({ clock });
  const caches = createCacheSet({ store, clock, logger: silentLogger, ...options });
  const cache = await caches.open(R);
  const events: CacheEvent[] = [];
  cache.subscribe((event) => void events.push(event));
  const told = (): string[] => events.map(({ type, key }) => `${type} ${key}`);
  return { clock, store, caches, cache, events, told };
}

it('opens with what is there, and follows every change', async () => {
  const { store, cache, told, events } = await setUp();
  const { objects } = await store.commit([create('a'), create('b')]);
  const expectedVersion = objects[0]?.metadata.resourceVersion ?? '';
  await store.commit([{ ...create('a', { n: 2 }), type: 'update', expectedVersion }]);
  const removed = await store.commit([
    {
      type: 'delete',
      resource: R,
      key: 'default/b',
      expectedVersion: objects[1]?.metadata.resourceVersion ?? '',
    },
  ]);
  await cache.waitFor(removed.version);
  expect(told()).toEqual(['ADDED default/a', 'ADDED default/b', 'MODIFIED default/a', 'DELETED default/b']);
  expect(events[2]?.previous).toEqual(objects[0]);
  expect(cache.list().map(({ metadata }) => metadata.name)).toEqual(['a']);
  expect(cache.list('default')).toHaveLength(1);
  expect(cache.list('other')).toEqual([]);
});

it('gives one cache per resource', async () => {
  const { caches, cache } = await setUp();
  expect(await caches.open(R)).toBe(cache);
});

it('holds after a refresh all that was committed before it, also to other resources', async () => {
  const { store, cache } = await setUp();
  await store.commit([create('a')]);
  const { version } = await store.commit([{ ...create('p'), resource: 'pods' }]);
  await cache.refresh();
  expect(cache.get('default/a')).toBeDefined();
  expect(cache.version).toBe(version);
});

it('leaves out what nobody can use, keeps what it knew of it, and waits for nothing of it', async () => {
  const { store, cache } = await setUp({
    problemOf: (_resource, object) => ('broken' in (object['data'] as object) ? 'it is broken' : undefined),
  });
  const { objects } = await store.commit([create('a', { n: '1' })]);
  const expectedVersion = objects[0]?.metadata.resourceVersion ?? '';
  await store.commit([{ ...create('a', { broken: '1' }), type: 'update', expectedVersion }]);
  const { version } = await store.commit([create('b', { broken: '1' })]);
  await cache.refresh();
  expect(cache.version).toBe(version);
  expect(cache.list().map(({ data }) => data)).toEqual([{ n: '1' }]);
});

it('indexes objects by what they hold, and keeps the index right', async () => {
  const { store, cache } = await setUp();
  cache.addIndex('colour', (object) => [(object['data'] as { colour?: string }).colour ?? 'none']);
  const { objects } = await store.commit([create('a', { colour: 'red' }), create('b', { colour: 'red' })]);
  const expectedVersion = objects[0]?.metadata.resourceVersion ?? '';
  await store.commit([{ ...create('a', { colour: 'blue' }), type: 'update', expectedVersion }]);
  await cache.refresh();
  const names = (value: string): string[] =>
    cache.byIndex('colour', value).map(({ metadata }) => metadata.name);
  expect([names('red'), names('blue'), names('none')]).toEqual([['b'], ['a'], []]);
});

it('goes on when a subscriber throws', async () => {
  const { store, cache, told } = await setUp();
  cache.subscribe(() => {
    throw new Error('A bug');
  });
  await store.commit([create('a'), create('b')]);
  await cache.refresh();
  expect(told()).toHaveLength(2);
});

it('lets a watch resume from its history, and says Gone when that is too short', async () => {
  const { store, cache } = await setUp({ historyLimit: 5 });
  const versions: string[] = [];
  for (let n = 0; n < 20; n += 1) versions.push((await store.commit([create(`n${n}`)])).version);
  await cache.refresh();
  const abort = new AbortController();
  const names: string[] = [];
  for await (const event of cache.watch(versions[15] ?? '', abort.signal)) {
    names.push(event.object.metadata.name);
    if (names.length === 4) abort.abort();
  }
  expect(names).toEqual(['n16', 'n17', 'n18', 'n19']);
  await expect(
    cache
      .watch(versions[0] ?? '', new AbortController().signal)
      [Symbol.asyncIterator]()
      .next(),
  ).rejects.toThrow(Gone);
});

it('says Gone to a watcher that does not keep up, and never slows another', async () => {
  const { store, cache } = await setUp({ watchQueueLimit: 3 });
  const signal = new AbortController().signal;
  const slow = cache.watch(cache.version, signal)[Symbol.asyncIterator]();
  const fast = cache.watch(cache.version, signal)[Symbol.asyncIterator]();
  const first = slow.next();
  for (let n = 0; n < 10; n += 1) {
    const next = fast.next();
    await store.commit([create(`n${n}`)]);
    expect((await next).value).toMatchObject({ key: `default/n${n}` });
  }
  await first;
  const drain = async (): Promise<void> => {
    while (!(await slow.next()).done);
  };
  await expect(drain()).rejects.toThrow(Gone);
});

it('serves what it has while the data is lost, and tells the differences once there is new data', async () => {
  const { clock, store, cache, told, events } = await setUp();
  await store.commit([create('a', { n: 1 }), create('b')]);
  await cache.refresh();
  const watching = cache.watch(cache.version, new AbortController().signal)[Symbol.asyncIterator]().next();
  const outcome = expect(watching).rejects.toThrow(Gone);
  events.length = 0;
  store.wipe();
  await clock.advance(10_000);
  expect(cache.list()).toHaveLength(2);
  await store.setClusterState({ epoch: 'new', phase: 'rebuilding' }, undefined);
  await store.commit([create('c'), create('a', { n: 2 })]);
  await clock.advance(10_000);
  await settle();
  expect(told()).toEqual(['ADDED default/c', 'MODIFIED default/a', 'DELETED default/b']);
  await outcome;
});

it('does not wait for a version when told to stop', async () => {
  const { cache } = await setUp();
  const abort = new AbortController();
  const waiting = expect(cache.waitFor('9000000000000000', abort.signal)).rejects.toThrow('aborted');
  await settle();
  abort.abort();
  await waiting;
});

it('does not spin when every list is too old as soon as it is there', async () => {
  const clock = createFakeClock();
  const store = createMemoryStore({ clock });
  let watches = 0;
  const caches = createCacheSet({
    store: {
      ...store,

      async *watch() {
        watches += 1;
        throw new Gone('too old');
      },
    },
    clock,
    logger: silentLogger,
  });
  await caches.open(R);
  await clock.advance(10_000);
  expect(watches).toBeLessThan(20);
  await caches[Symbol.asyncDispose]();
});
