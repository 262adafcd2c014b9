import { afterAll } from 'vitest';
import { silentLogger } from '../../src/base/logger.ts';
import { createRedisStore } from '../../src/store/redis/redis-store.ts';
import { LOG_BYTES, LOG_LIMIT, storeContract } from '../contracts/store.ts';
import { startTestRedis } from '../support/redis.ts';

const redis = await startTestRedis();
afterAll(() => redis[Symbol.asyncDispose]());

storeContract('Redis', async () => {
  await redis.command('FLUSHALL');
  const limits = { logLimit: LOG_LIMIT, logBytes: LOG_BYTES };
  return {
    open: (format) =>
      createRedisStore({ url: redis.url, logger: silentLogger, ...limits, ...(format ? { format } : {}) }),
    wipe: async () => {
      await redis.command('FLUSHALL');
    },
    async setClockBack() {
      // An hour ahead: to the server, its clock has gone back by that.
      const last = Number(await redis.command('HGET', '{symphony}:meta', 'last'));
      await redis.command('HSET', '{symphony}:meta', 'last', String(last + 3_600_000_000));
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
});
