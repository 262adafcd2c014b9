/**
 * A process that owns an embedded Redis with one object in it: prints the server's pid, and ends on
 * SIGTERM.
 */
import { systemClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { startEmbeddedRedis } from '../../src/store/embedded/embedded-redis.ts';
import { createRedisStore } from '../../src/store/redis/redis-store.ts';

const redis = await startEmbeddedRedis({
  dir: process.argv[2] ?? '',
  clock: systemClock,
  logger: silentLogger,
});
const store = await createRedisStore({ url: redis.url, logger: silentLogger });
await store.setClusterState({ epoch: 'e', phase: 'normal' }, undefined);
const object = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'a', namespace: 'default' },
  data: {},
};
await store.commit([{ type: 'create', resource: 'configmaps', key: 'default/a', object }]);
process.once('SIGTERM', () => {
  void (async () => {
    await store[Symbol.asyncDispose]();
    await redis[Symbol.asyncDispose]();
  })();
});
console.log(redis.pid);
