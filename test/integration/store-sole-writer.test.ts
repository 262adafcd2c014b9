/**
 * Reads that do not ask Redis, with several clients of one process: nobody may ever read the past.
 */
import { randomUUID } from 'node:crypto';
import { expect, it } from 'vitest';
import { silentLogger } from '../../src/base/logger.ts';
import { asSoleWriter } from '../../src/store/embedded/sole-writer.ts';
import { createRedisStore } from '../../src/store/redis/redis-store.ts';
import type { StoreOp } from '../../src/store/types.ts';
import { anObject } from '../contracts/store.ts';
import { startTestRedis } from '../support/redis.ts';

const RESOURCES = ['pods', 'secrets', 'nodes'];
const create = (resource: string): StoreOp => {
  const name = randomUUID();
  return { type: 'create', resource, key: `default/${name}`, object: anObject(name) };
};

it('every read has what was acknowledged, or read by anybody, before it began', async () => {
  await using redis = await startTestRedis();
  await using inner = await createRedisStore({ url: redis.url, logger: silentLogger });
  await inner.setClusterState({ epoch: 'one', phase: 'normal' }, undefined);
  const store = asSoleWriter(inner, { logger: silentLogger });
  const revealed = new Map<string, number>();
  const reveal = (resource: string, version: unknown): void =>
    void revealed.set(resource, Math.max(revealed.get(resource) ?? 0, Number(version)));
  let seed = 1;
  const below = (limit: number): number => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed % limit;
  };
  let atOnce = 0;
  const client = async (writesOfTen: number): Promise<void> => {
    for (let step = 0; step < 400; step += 1) {
      const resource = RESOURCES[below(RESOURCES.length)] ?? '';
      if (below(10) < writesOfTen) {
        const other = RESOURCES[below(RESOURCES.length)] ?? '';
        const { objects } = await store.commit([create(resource), create(other)]);
        reveal(resource, objects[0]?.metadata.resourceVersion);
        reveal(other, objects[1]?.metadata.resourceVersion);
        continue;
      }
      const atLeast = revealed.get(resource) ?? 0;
      const answer = store.versions(resource);
      if (!(answer instanceof Promise)) atOnce += 1;
      const { resource: read } = await answer;
      expect(Number(read)).toBeGreaterThanOrEqual(atLeast);
      reveal(resource, read);
    }
  };
  await client(1);
  await Promise.all([client(3), client(1), client(0), client(0)]);
  expect(atOnce).toBeGreaterThan(0);
});
