import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../src/base/logger.ts';
import { createPayloadCodec } from '../../src/store/redis/payload-codec.ts';
import { createRedisStore, type RedisStoreOptions } from '../../src/store/redis/redis-store.ts';
import { CommitRefused, EpochChanged, Gone, type Store, StoreUnavailable } from '../../src/store/types.ts';
import { anObject } from '../contracts/store.ts';
import { startTestRedis, type TestRedis } from '../support/redis.ts';

let redis: TestRedis;
let store: Store;
const open = (options: Partial<RedisStoreOptions> = {}) =>
  createRedisStore({ url: redis.url, logger: silentLogger, ...options });
const create = (name: string, resource = 'configmaps') =>
  ({
    type: 'create',
    resource,
    key: `default/${name}`,
    object: anObject(name, { value: 'canary' }),
  }) as const;

beforeEach(async () => {
  redis = await startTestRedis({ durable: true });
  store = await open();
  await store.setClusterState({ epoch: 'e', phase: 'normal' }, undefined);
});
afterEach(async () => {
  await store[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
});

/** Tries until the store takes it: what a caller does with StoreUnavailable. */
async function insist(name: string): Promise<void> {
  for (;;) {
    try {
      await store.commit([create(name)]);
      return;
    } catch (error) {
      if (error instanceof CommitRefused && error.reason === 'exists') return;
      if (!(error instanceof StoreUnavailable)) throw error;
    }
  }
}

describe('the Redis store', () => {
  it('resumes a watch without a gap after Redis was killed and started again', async () => {
    const { version } = await store.list('configmaps');
    const abort = new AbortController();
    const seen: string[] = [];
    const watching = (async () => {
      for await (const event of store.watch('configmaps', version, abort.signal)) {
        seen.push(event.key.slice('default/'.length));
        if (seen.length === 60) abort.abort();
      }
    })();
    for (let n = 0; n < 60; n += 1) {
      if (n % 20 === 10) {
        await redis.kill();
        await redis.restart();
      }
      await insist(`n${n}`);
    }
    await watching;
    expect(seen).toEqual(Array.from({ length: 60 }, (_, n) => `n${n}`));
  });

  it('fails commands that meet a broken connection when no server comes back', async () => {
    await store.commit([create('a')]);
    redis.signal('SIGSTOP');
    const pending = store.commit([create('b')]);
    const outcome = expect(pending).rejects.toThrow(StoreUnavailable);
    await redis.kill();
    await outcome;
    await redis.restart();
    await insist('c');
    expect(await store.get('configmaps', 'default/b')).toBeUndefined();
  });

  it('notices that Redis came back with older data', async () => {
    await store.commit([create('a')]);
    const older = await redis.command('HGET', '{symphony}:meta', 'last');
    await store.commit([create('b')]);
    await redis.command('HSET', '{symphony}:meta', 'last', String(older));
    await expect(store.commit([create('c')])).rejects.toThrow(EpochChanged);
    await expect(store.list('configmaps')).rejects.toThrow(EpochChanged);
  });

  it('is read-only while Redis has no memory left, writes nothing by half, and recovers', async () => {
    await store.commit([create('a')]);
    await redis.command('CONFIG', 'SET', 'maxmemory', '1');
    await expect(store.commit([create('b'), create('c')])).rejects.toThrow(StoreUnavailable);
    const names = (await store.list('configmaps')).objects.map(({ metadata }) => metadata.name);
    expect(names).toEqual(['a']);
    await redis.command('CONFIG', 'SET', 'maxmemory', '0');
    await store.commit([create('b'), create('c')]);
  });

  it('drops a watcher that does not keep up, and none of the others', async () => {
    const small = await open({ watchQueueLimit: 20 });
    const { version } = await small.list('configmaps');
    const abort = new AbortController();
    const slow = small.watch('configmaps', version, abort.signal)[Symbol.asyncIterator]();
    const first = slow.next();
    const fast: string[] = [];
    const watching = (async () => {
      for await (const event of store.watch('configmaps', version, abort.signal)) {
        if (fast.push(event.key) === 200) return;
      }
    })();
    await store.commit([create('first')]);
    await first;
    for (let n = 1; n < 200; n += 1) await store.commit([create(`n${n}`)]);
    await watching;
    const rest = async (): Promise<void> => {
      while (!(await slow.next()).done);
    };
    await expect(rest()).rejects.toThrow(Gone);
    await small[Symbol.asyncDispose]();
  });

  it('loads its script again where the server has forgotten it', async () => {
    await store.commit([create('a')]);
    await redis.command('SCRIPT', 'FLUSH');
    await store.commit([create('b')]);
    expect((await store.list('configmaps')).objects).toHaveLength(2);
  });

  it('keeps secrets sealed in Redis, also in the change log, and reads them back', async () => {
    const codec = createPayloadCodec(Buffer.alloc(32, 7));
    const sealing = await open({ codec });
    const { version } = await sealing.list('secrets');
    const { objects } = await sealing.commit([create('a', 'secrets')]);
    const abort = new AbortController();
    for await (const event of sealing.watch('secrets', version, abort.signal)) {
      expect(event).toMatchObject({ type: 'ADDED', object: objects[0] });
      abort.abort();
    }
    const hash = JSON.stringify(await redis.command('HGETALL', '{symphony}:o:secrets'));
    const log = JSON.stringify(await redis.command('XRANGE', '{symphony}:log:secrets', '-', '+'));
    expect(hash).toContain('enc:1:');
    expect(hash + log).not.toContain('canary');
    expect(await sealing.get('secrets', 'default/a')).toEqual(objects[0]);
    await expect(store.list('secrets')).rejects.toThrow('no key file');
    const removal = { type: 'delete', resource: 'secrets', key: 'default/a' } as const;
    const gone = await sealing.commit([
      { ...removal, expectedVersion: objects[0]?.metadata.resourceVersion ?? '' },
    ]);
    expect(gone.objects[0]?.['data']).toEqual({ value: 'canary' });
    await sealing[Symbol.asyncDispose]();
  });

  it('leaves out an object that cannot be read, and lists the others', async () => {
    await store.commit([create('a'), create('b')]);
    await redis.command('HSET', '{symphony}:o:configmaps', 'default/a', '5 {broken');
    const names = (await store.list('configmaps')).objects.map(({ metadata }) => metadata.name);
    expect(names).toEqual(['b']);
  });

  it('refuses a server that evicts keys', async () => {
    await redis.command('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru');
    await expect(open()).rejects.toThrow('Set maxmemory-policy to noeviction');
  });

  it('says so when there is no server', async () => {
    await expect(createRedisStore({ url: 'unix:///nonexistent.sock', logger: silentLogger })).rejects.toThrow(
      StoreUnavailable,
    );
  });
});
