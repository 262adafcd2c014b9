/** A commit whose answer is lost: a proxy between store and Redis loses it. */
import { rm } from 'node:fs/promises';
import { createServer, connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../src/base/logger.ts';
import { createRedisStore } from '../../src/store/redis/redis-store.ts';
import type { Store, StoreOp } from '../../src/store/types.ts';
import { anObject } from '../contracts/store.ts';
import { startTestRedis, type TestRedis } from '../support/redis.ts';

/** How the proxy treats a commit (and, for `hold` and `refuse`, new connections). */
type Fault = 'none' | 'lose the answer' | 'hold the request';

interface Proxy extends AsyncDisposable {
  readonly url: string;
  fault: Fault;
  /** Requests of commits that reached the proxy. */
  readonly commits: number;
  /** Sends on what was held; resolves with Redis' reply. */
  release(): Promise<string>;
}

async function startProxy(redis: TestRedis): Promise<Proxy> {
  const path = `${redis.socket}.proxy`;
  const sockets = new Set<Socket>();
  let held: Buffer | undefined;
  const state = { url: `unix://${path}`, fault: 'none' as Fault, commits: 0 };
  const server = createServer((client) => {
    sockets.add(client);
    const isRefused = held !== undefined && state.fault === 'hold the request';
    if (isRefused) return void client.destroy();
    const upstream = connect(redis.socket);
    sockets.add(upstream);
    const end = (): void => {
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) socket.on('error', end).on('close', end);
    let isLost = false;
    client.on('data', (chunk) => {
      if (chunk.includes(':commit:') && chunk.includes('EVAL')) {
        state.commits += 1;
        isLost = state.fault === 'lose the answer';
        if (state.fault === 'hold the request') {
          held = chunk;
          return end();
        }
      }
      upstream.write(chunk);
    });
    upstream.on('data', (chunk) => {
      if (!isLost) return void client.write(chunk);
      state.fault = 'none';
      end();
    });
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return Object.assign(state, {
    release: () =>
      new Promise<string>((resolve) => {
        const socket = connect(redis.socket);
        socket.once('data', (chunk) => {
          socket.destroy();
          resolve(chunk.toString());
        });
        socket.write(held ?? Buffer.alloc(0));
      }),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
      await rm(path, { force: true });
    },
  });
}

const create = (name: string): StoreOp => ({
  type: 'create',
  resource: 'configmaps',
  key: `default/${name}`,
  object: anObject(name),
});

describe('a commit whose answer is lost', () => {
  let redis: TestRedis;
  let proxy: Proxy;
  let store: Store;

  beforeEach(async () => {
    redis = await startTestRedis();
    proxy = await startProxy(redis);
    store = await createRedisStore({ url: proxy.url, logger: silentLogger });
    await store.setClusterState({ epoch: 'e', phase: 'normal' }, undefined);
    // The script is known from here on, so that each commit is one request.
    await store.commit([create('first')]);
  });
  afterEach(async () => {
    await store[Symbol.asyncDispose]();
    await proxy[Symbol.asyncDispose]();
    await redis[Symbol.asyncDispose]();
  });

  it('is asked for, not repeated', async () => {
    const before = Number(await redis.command('XLEN', '{symphony}:log:configmaps'));
    proxy.fault = 'lose the answer';
    const { objects, version } = await store.commit([create('a'), create('b')]);
    expect(await store.getMany('configmaps', ['default/a', 'default/b'])).toEqual(objects);
    expect(objects[1]?.metadata.resourceVersion).toBe(version);
    expect(Number(await redis.command('XLEN', '{symphony}:log:configmaps'))).toBe(before + 2);
    expect(proxy.commits).toBeGreaterThanOrEqual(2);
  });

  it('gives the last state of what it deleted', async () => {
    const first = await store.get('configmaps', 'default/first');
    const expectedVersion = first?.metadata.resourceVersion ?? '';
    proxy.fault = 'lose the answer';
    const { objects } = await store.commit([
      { type: 'delete', resource: 'configmaps', key: 'default/first', expectedVersion },
    ]);
    expect(objects[0]?.metadata.name).toBe('first');
    expect(await store.get('configmaps', 'default/first')).toBeUndefined();
  });

  it('never happens once the newest versions were read without it', async () => {
    proxy.fault = 'hold the request';
    await expect(store.commit([create('late')])).rejects.toMatchObject({
      name: 'StoreUnavailable',
      isUnanswered: true,
    });
    proxy.fault = 'none';
    await store.versions('configmaps');
    expect(await proxy.release()).toContain('VOID');
    expect(await store.get('configmaps', 'default/late')).toBeUndefined();
    await store.commit([create('late')]);
  });

  it('is remembered for a bounded time', async () => {
    await store.commit([create('a')], { id: 'x' });
    const ttlMs = Number(await redis.command('PTTL', '{symphony}:commit:x'));
    expect(ttlMs).toBeGreaterThan(60_000);
    expect(ttlMs).toBeLessThanOrEqual(120_000);
  });
});
