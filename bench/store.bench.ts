/**
 * Durable commits against raw pipelined Redis writes of the same bytes (an object and its log
 * entry), on a private redis-server of its own with an append-only file synced every second.
 * Interleaved rounds; the median counts.
 */
import { silentLogger } from '../src/base/logger.ts';
import type { KubeObject } from '../src/schemas/object.ts';
import { createRedisClient } from '../src/store/redis/connect.ts';
import { createRedisStore } from '../src/store/redis/redis-store.ts';
import { parseRedisUrl } from '../src/store/redis/redis-target.ts';
import type { StoreOp } from '../src/store/types.ts';
import { startTestRedis } from '../test/support/redis.ts';

const OBJECTS = 5_000;
const BATCH = 500;
const ROUNDS = 7;
const PADDING_BYTES = 1_500;

const anObject = (name: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'default', uid: '00000000-0000-4000-8000-000000000000' },
  spec: { padding: 'x'.repeat(PADDING_BYTES) },
});

async function seconds(work: () => Promise<void>): Promise<number> {
  const begin = performance.now();
  await work();
  return (performance.now() - begin) / 1000;
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

const redis = await startTestRedis({ config: ['--appendonly', 'yes', '--appendfsync', 'everysec'] });
const store = await createRedisStore({ url: redis.url, logger: silentLogger });
await store.setClusterState({ epoch: 'bench', phase: 'normal' }, undefined);
const raw = createRedisClient(parseRedisUrl(redis.url), { protocol: 2 });

const committed: number[] = [];
const written: number[] = [];
for (let round = 0; round < ROUNDS; round += 1) {
  committed.push(
    await seconds(async () => {
      for (let start = 0; start < OBJECTS; start += BATCH) {
        const ops = Array.from({ length: BATCH }, (_, index): StoreOp => {
          const name = `r${round}-${start + index}`;
          return { type: 'create', resource: 'pods', key: `default/${name}`, object: anObject(name) };
        });
        await store.commit(ops);
      }
    }),
  );
  written.push(
    await seconds(async () => {
      for (let start = 0; start < OBJECTS; start += BATCH) {
        const pipeline = raw.pipeline();
        for (let index = 0; index < BATCH; index += 1) {
          const name = `r${round}-${start + index}`;
          const payload = JSON.stringify(anObject(name));
          pipeline.hset('raw:objects', `default/${name}`, payload);
          pipeline.xadd('raw:log', '*', `Adefault/${name}`, payload);
        }
        await pipeline.exec();
      }
    }),
  );
  // Both sides begin each round with equally much data.
  await redis.command('XTRIM', 'raw:log', 'MAXLEN', 0);
}

const commitsPerSecond = OBJECTS / median(committed);
const writesPerSecond = OBJECTS / median(written);
const figure = {
  bench: 'store',
  name: 'durable commits (objects per second)',
  value: Math.round(commitsPerSecond),
  unit: '1/s',
  baseline: Math.round(writesPerSecond),
  ratio: Number((commitsPerSecond / writesPerSecond).toFixed(2)),
};
if (process.argv.includes('--json')) console.log(JSON.stringify(figure));
else
  console.log(
    `${figure.name}: ${figure.value}/s; raw pipelined writes: ${figure.baseline}/s; ratio ${figure.ratio}`,
  );

raw.disconnect();
await store[Symbol.asyncDispose]();
await redis[Symbol.asyncDispose]();
