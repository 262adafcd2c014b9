/** Reads that do not ask Redis, with several processes (stores) at one Redis: nobody may ever read the past. */
import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { silentLogger } from '../../src/base/logger.ts';
import type { KubeObject } from '../../src/schemas/object.ts';
import { createRedisStore } from '../../src/store/redis/redis-store.ts';
import type { Store, StoreOp } from '../../src/store/types.ts';
import { startTestRedis, type TestRedis } from '../support/redis.ts';

let redis: TestRedis;
let stores: Store[];
const STATE = { epoch: 'one', phase: 'normal' } as const;

beforeEach(async () => {
  redis = await startTestRedis();
  stores = [];
  const [first] = await open(1);
  await first?.setClusterState(STATE, undefined);
});
afterEach(async () => {
  for (const store of stores) await store[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
});

async function open(count: number): Promise<readonly Store[]> {
  const opened: Store[] = [];
  for (let index = 0; index < count; index += 1)
    opened.push(await createRedisStore({ url: redis.url, logger: silentLogger }));
  stores.push(...opened);
  return opened;
}

const create = (resource: string): StoreOp => {
  const name = randomUUID();
  const object: KubeObject = { apiVersion: 'v1', kind: 'Thing', metadata: { name } };
  return { type: 'create', resource, key: name, object };
};

async function change(store: Store, ...resources: string[]): Promise<number> {
  const { version } = await store.commit(resources.map(create));
  return Number(version);
}

const newest = async (store: Store, resource: string): Promise<number> =>
  Number((await store.versions(resource)).resource);

/** Whether a read has to ask Redis; its answer is waited for. */
const asks = async (store: Store): Promise<boolean> => {
  const answer = store.versions('pods');
  await answer;
  return answer instanceof Promise;
};

it('asks once, and then not for every read, where nobody else changes anything', async () => {
  const [alone] = stores as [Store];
  const version = await change(alone, 'pods');
  expect(await asks(alone)).toBe(true);
  expect(await newest(alone, 'pods')).toBe(version);
  expect(alone.versions('pods')).toEqual({ resource: String(version), store: String(version) });
  const next = await change(alone, 'pods');
  expect(alone.versions('pods')).toEqual({ resource: String(next), store: String(next) });
});

it('the change of another process waits for the end of a promise, after which none is given for a while', async () => {
  const [first] = stores as [Store];
  await change(first, 'pods');
  await first.versions('pods');
  const [second] = await open(1);
  if (!second) throw new Error('no store');
  const version = await change(second, 'pods');
  expect(await asks(first)).toBe(true);
  expect(await newest(first, 'pods')).toBe(version);
  await change(first, 'pods');
  await first.versions('pods');
  expect(await asks(first)).toBe(true);
});

it('a process that only reads is promised nothing, and holds nobody up', async () => {
  const [writer] = stores as [Store];
  const [reader] = await open(1);
  if (!reader) throw new Error('no store');
  await change(writer, 'pods');
  await reader.versions('pods');
  expect(await asks(reader)).toBe(true);
  const version = await change(writer, 'pods');
  expect(await newest(reader, 'pods')).toBe(version);
});

it('a read that cannot be promised anything, for Redis takes no writes, is answered all the same', async () => {
  const [alone] = stores as [Store];
  const version = await change(alone, 'pods');
  await redis.command('CONFIG', 'SET', 'maxmemory', '1');
  expect(await newest(alone, 'pods')).toBe(version);
  expect(await asks(alone)).toBe(true);
});

it('whatever was acknowledged to anybody before a read began is in it, whoever is asked', async () => {
  const all = [...stores, ...(await open(2))];
  const resources = ['pods', 'secrets', 'nodes'];
  /** What everybody may know: acknowledged, or read by somebody. */
  const revealed = new Map<string, number>();
  const reveal = (resource: string, version: number): void =>
    void revealed.set(resource, Math.max(revealed.get(resource) ?? 0, version));
  let seed = 1;
  const below = (limit: number): number => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed % limit;
  };
  let atOnce = 0;
  const client = async (busy: number): Promise<void> => {
    for (let step = 0; step < 400; step += 1) {
      // The first one changes things alone for a while, so that there are promises to be broken.
      const writes = below(10) < busy && (step > 200 || busy > 2);
      const store = all[step > 200 ? below(all.length) : 0] as Store;
      const resource = resources[below(resources.length)] ?? '';
      if (writes) {
        const other = resources[below(resources.length)] ?? '';
        const { objects } = await store.commit([create(resource), create(other)]);
        reveal(resource, Number(objects[0]?.metadata.resourceVersion));
        reveal(other, Number(objects[1]?.metadata.resourceVersion));
      } else {
        const atLeast = revealed.get(resource) ?? 0;
        const answer = store.versions(resource);
        if (!(answer instanceof Promise)) atOnce += 1;
        const read = Number((await answer).resource);
        expect(read).toBeGreaterThanOrEqual(atLeast);
        reveal(resource, read);
      }
    }
  };
  await Promise.all([client(3), client(1), client(0), client(0)]);
  expect(atOnce).toBeGreaterThan(0);
});
