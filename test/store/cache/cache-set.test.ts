import { describe, expect, it } from 'vitest';
import { silentLogger } from '../../../src/base/logger.ts';
import type { CacheEvent, CacheScope } from '../../../src/store/cache/cache.ts';
import { type CacheSetOptions, createCacheSet } from '../../../src/store/cache/cache-set.ts';
import { createMemoryStore } from '../../doubles/memory-store/memory-store.ts';
import { Gone } from '../../../src/store/types.ts';
import { anObject } from '../../contracts/store.ts';
import { createFakeClock, settle } from '../../support/fake-clock.ts';

const R = 'configmaps';
const create = (name: string, data = {}) =>
  ({ type: 'create', resource: R, key: `default/${name}`, object: anObject(name, data) }) as const;

async function setUp(options: Pick<CacheSetOptions, 'window' | 'problemOf'> = {}) {
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

/** The events of a watcher, and how its watch ended. */
function watcher() {
  const keys: string[] = [];
  const ends: (Error | undefined)[] = [];
  return {
    keys,
    ends,
    event: ({ key }: CacheEvent) => void keys.push(key),
    end: (error: Error | undefined) => void ends.push(error),
  };
}

describe('a watch', () => {
  it.each([
    ['events', { events: 5, bytes: 1_000_000 }],
    ['bytes', { events: 1_000, bytes: 600 }],
  ])('resumes from the window, which is bounded in %s, and is Gone beyond it', async (_what, window) => {
    const { store, cache } = await setUp({ window });
    const versions: string[] = [];
    for (let n = 0; n < 20; n += 1) versions.push((await store.commit([create(`n${n}`)])).version);
    await cache.refresh();
    const seen = watcher();
    cache.watch({ type: 'all' }, Number(versions[15]), seen);
    expect(seen.keys).toEqual(['n16', 'n17', 'n18', 'n19'].map((name) => `default/${name}`));
    expect(() => cache.watch({ type: 'all' }, Number(versions[0]), watcher())).toThrow(Gone);
    expect(() => cache.watch({ type: 'all' }, cache.floor, watcher())).not.toThrow();
    expect(() => cache.watch({ type: 'all' }, cache.floor - 1, watcher())).toThrow(Gone);
  });

  it('hears only of its scope, resumed or live, and of an object that leaves it', async () => {
    const { store, cache } = await setUp();
    cache.addIndex('colour', (object) => [String((object['data'] as { colour?: string }).colour)]);
    const from = Number(cache.version);
    const { objects } = await store.commit([create('a', { colour: 'red' }), create('b', { colour: 'blue' })]);
    await cache.refresh();
    const scopes: readonly CacheScope[] = [
      { type: 'index', index: 'colour', value: 'red' },
      { type: 'object', key: 'default/b' },
      { type: 'namespace', namespace: 'default' },
      { type: 'namespace', namespace: 'other' },
    ];
    const seen = scopes.map((scope) => {
      const one = watcher();
      cache.watch(scope, from, one);
      return one;
    });
    const expectedVersion = objects[0]?.metadata.resourceVersion ?? '';
    await store.commit([{ ...create('a', { colour: 'blue' }), type: 'update', expectedVersion }]);
    await cache.refresh();
    const [a, b] = ['default/a', 'default/b'];
    expect(seen.map(({ keys }) => keys)).toEqual([[a, a], [b], [a, b, a], []]);
  });

  it('that throws stops no other one, and none that is disposed hears more', async () => {
    const { store, cache } = await setUp();
    const fail = (): void => {
      throw new Error('A bug');
    };
    cache.watch({ type: 'all' }, Number(cache.version), { event: fail, end: fail });
    const [kept, disposed] = [watcher(), watcher()];
    cache.watch({ type: 'all' }, Number(cache.version), kept);
    cache.watch({ type: 'all' }, Number(cache.version), disposed)[Symbol.dispose]();
    await store.commit([create('a')]);
    await cache.refresh();
    expect([kept.keys, disposed.keys]).toEqual([['default/a'], []]);
  });

  it('ends without an error when the caches are closed', async () => {
    const { caches, cache } = await setUp();
    const seen = watcher();
    cache.watch({ type: 'all' }, Number(cache.version), seen);
    await caches[Symbol.asyncDispose]();
    expect(seen.ends).toEqual([undefined]);
  });
});

it('makes the list of an older version by undoing what came after', async () => {
  const { store, cache } = await setUp();
  const { objects, version } = await store.commit([create('b', { n: 1 }), create('a')]);
  const expectedVersion = objects[0]?.metadata.resourceVersion ?? '';
  await store.commit([create('c'), { ...create('b', { n: 2 }), type: 'update', expectedVersion }]);
  const removal = { ...create('a'), type: 'delete', expectedVersion: version } as const;
  await store.commit([removal]);
  await cache.refresh();
  const shown = cache.sortedAt(Number(version)).map(({ metadata, data }) => [metadata.name, data]);
  expect(shown).toEqual([
    ['a', {}],
    ['b', { n: 1 }],
  ]);
  expect(cache.sorted({ type: 'all' }).map(({ metadata }) => metadata.name)).toEqual(['b', 'c']);
  expect(() => cache.sortedAt(cache.floor - 1)).toThrow(Gone);
});

it('serves what it has while the data is lost, and tells the differences once there is new data', async () => {
  const { clock, store, cache, told, events } = await setUp();
  await store.commit([create('a', { n: 1 }), create('b')]);
  await cache.refresh();
  const seen = watcher();
  cache.watch({ type: 'all' }, Number(cache.version), seen);
  events.length = 0;
  store.wipe();
  await clock.advance(10_000);
  expect(cache.list()).toHaveLength(2);
  await store.setClusterState({ epoch: 'new', phase: 'rebuilding' }, undefined);
  await store.commit([create('c'), create('a', { n: 2 })]);
  await clock.advance(10_000);
  await settle();
  expect(told()).toEqual(['ADDED default/c', 'MODIFIED default/a', 'DELETED default/b']);
  expect(seen.keys).toEqual([]);
  expect(seen.ends).toEqual([expect.any(Gone)]);
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
