/** Changes and objects in Redis that cannot be read: others are neither stopped nor held up. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { type Logger, silentLogger } from '../../src/base/logger.ts';
import { createCacheSet } from '../../src/store/cache/cache-set.ts';
import type { CacheSet, ResourceCache } from '../../src/store/cache/cache.ts';
import { MAX_OBJECT_BYTES } from '../../src/store/payload.ts';
import { createPayloadCodec } from '../../src/store/redis/payload-codec.ts';
import { createRedisStore } from '../../src/store/redis/redis-store.ts';
import type { Store, StoreOp } from '../../src/store/types.ts';
import { anObject } from '../contracts/store.ts';
import { startTestRedis, type TestRedis } from '../support/redis.ts';

const create = (resource: string, name: string): StoreOp => ({
  type: 'create',
  resource,
  key: `default/${name}`,
  object: anObject(name, { value: 'canary' }),
});

let redis: TestRedis;
let store: Store;
let caches: CacheSet;
let counted: string[];
let logged: string[];

const logger: Logger = {
  ...silentLogger,
  error: (fields, message) =>
    void logged.push(`${message} ${JSON.stringify(fields)} ${String(fields['error'])}`),
  child: () => logger,
};

beforeEach(async () => {
  counted = [];
  logged = [];
  redis = await startTestRedis();
  store = await createRedisStore({
    url: redis.url,
    logger,
    codec: createPayloadCodec(Buffer.alloc(32, 7)),
    onUnreadable: (resource) => void counted.push(resource),
  });
  await store.setClusterState({ epoch: 'e', phase: 'normal' }, undefined);
  await store.commit([create('configmaps', 'a'), create('secrets', 'a')]);
  caches = createCacheSet({ store, clock: systemClock, logger: silentLogger });
});
afterEach(async () => {
  await caches[Symbol.asyncDispose]();
  await store[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
});

/**
 * A change as another writer would have left it in the log: an entry of these fields, and the
 * newest versions.
 */
async function leave(resource: string, fields: readonly string[]): Promise<void> {
  const last = Number(await redis.command('HGET', '{symphony}:meta', 'last'));
  const version = String(last + 1_000);
  await redis.command('XADD', `{symphony}:log:${resource}`, `${version}-0`, ...fields);
  await redis.command('HSET', '{symphony}:meta', 'last', version, `last:${resource}`, version);
}

const names = (cache: ResourceCache): string[] => cache.list().map(({ metadata }) => metadata.name);
const otherKey = createPayloadCodec(Buffer.alloc(32, 8));
const json = JSON.stringify(anObject('a', { value: 'canary' }));

const UNREADABLE: readonly (readonly [what: string, resource: string, fields: readonly string[]])[] = [
  ['a payload that is no JSON', 'configmaps', ['Mdefault/a', '{broken canary']],
  ['a payload that is no object', 'configmaps', ['Mdefault/a', 'null']],
  ['an object of another name', 'configmaps', ['Mdefault/b', json]],
  ['a payload of a later codec', 'configmaps', ['Mdefault/a', 'enc:2:canary']],
  ['a secret that is not sealed', 'secrets', ['Mdefault/a', json]],
  [
    'a secret sealed with another key',
    'secrets',
    ['Mdefault/a', otherKey.encode('secrets', 'default/a', json)],
  ],
  ['a secret that was tampered with', 'secrets', ['Mdefault/a', 'enc:1:00000000:AAAA']],
  ['a payload above every limit', 'configmaps', ['Mdefault/a', `"${'x'.repeat(2 * MAX_OBJECT_BYTES)}"`]],
  ['an unknown type of change', 'configmaps', ['Xdefault/a', json]],
  ['a type that every object inherits', 'configmaps', ['toString', json]],
  ['an empty field', 'configmaps', ['', '']],
];

describe('a change that cannot be read', () => {
  it.each(UNREADABLE)('%s holds up no consistent read, and is counted', async (_what, resource, fields) => {
    const cache = await caches.open(resource);
    await leave(resource, fields);
    await cache.refresh();
    expect(names(cache)).toEqual(['a']);
    expect(new Set(counted)).toEqual(new Set([resource]));
    expect(logged.join()).not.toContain('canary');
    await store.commit([create(resource, 'c')]);
    await cache.refresh();
    expect(names(cache)).toEqual(['a', 'c']);
  });

  it('is passed over by a watch that catches up', async () => {
    const { version } = await store.list('configmaps');
    await leave('configmaps', ['Mdefault/a', '{broken']);
    await store.commit([create('configmaps', 'c')]);
    const seen: string[] = [];
    for await (const change of store.watch('configmaps', version, new AbortController().signal)) {
      seen.push(`${change.type} ${change.key}`);
      if (seen.length === 2) break;
    }
    expect(seen).toEqual(['UNREADABLE default/a', 'ADDED default/c']);
  });

  it('deletes all the same where it is a deletion', async () => {
    const cache = await caches.open('configmaps');
    await leave('configmaps', ['Ddefault/a', '{broken']);
    await cache.refresh();
    expect(names(cache)).toEqual([]);
  });
});

describe('an object that cannot be read', () => {
  it.each([
    ['configmaps', '5 {broken'],
    ['configmaps', json],
    ['secrets', `5 ${otherKey.encode('secrets', 'default/a', json)}`],
  ])('of %s stays as it was known, and hides no other', async (resource, value) => {
    await store.commit([create(resource, 'b')]);
    const cache = await caches.open(resource);
    await redis.command('HSET', `{symphony}:o:${resource}`, 'default/a', value);
    expect(await store.list(resource)).toMatchObject({ unreadable: ['default/a'] });
    // Trimmed: the cache lists anew.
    await redis.command('XTRIM', `{symphony}:log:${resource}`, 'MAXLEN', 0);
    const last = String(await redis.command('HGET', '{symphony}:meta', 'last'));
    await redis.command('HSET', '{symphony}:meta', `floor:${resource}`, String(Number(last) + 1));
    await store.commit([create(resource, 'c')]);
    await cache.refresh();
    expect(names(cache).sort()).toEqual(['a', 'b', 'c']);
  });

  it('can be deleted, which says so even though its last state is unknown', async () => {
    await redis.command('HSET', '{symphony}:o:configmaps', 'default/a', '5 {broken');
    const { objects } = await store.commit([
      { type: 'delete', resource: 'configmaps', key: 'default/a', expectedVersion: '5' },
    ]);
    expect(objects).toEqual([undefined]);
    expect((await store.list('configmaps')).objects).toEqual([]);
  });

  it('is the key that is wrong where it opens no secret at all', async () => {
    const wrong = await createRedisStore({ url: redis.url, logger: silentLogger, codec: otherKey });
    await expect(wrong.list('secrets')).rejects.toThrow('it is encrypted with key');
    await wrong[Symbol.asyncDispose]();
  });
});
