import { afterAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { createBullQueues } from '../../src/queue/bullmq-queues.ts';
import type { SyncJob } from '../../src/queue/types.ts';
import { createRedisClient } from '../../src/store/redis/connect.ts';
import { parseRedisUrl } from '../../src/store/redis/redis-target.ts';
import { startBullWorker } from '../../src/queue/bullmq-worker.ts';
import { jobQueueContract, TEST_ATTEMPTS } from '../contracts/job-queue.ts';
import { startTestRedis } from '../support/redis.ts';

const redis = await startTestRedis({ durable: true });
afterAll(() => redis[Symbol.asyncDispose]());

const retry = { attempts: TEST_ATTEMPTS, backoff: { initialMs: 20, maxMs: 100, factor: 2 } };

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 5));
}

jobQueueContract('BullMQ', async () => {
  await redis.command('FLUSHALL');
  const queues = createBullQueues({ url: redis.url, logger: silentLogger, retry });
  return { queues, until, [Symbol.asyncDispose]: () => queues[Symbol.asyncDispose]() };
});

describe('the queues on BullMQ', () => {
  it('go on after Redis was killed and started again', async () => {
    await redis.command('FLUSHALL');
    const queues = createBullQueues({ url: redis.url, logger: silentLogger, retry });
    const seen: string[] = [];
    queues.work<SyncJob>('sync', {
      concurrency: 1,
      process: async ({ reason }) => void seen.push(reason),
    });
    await queues.queue('sync').add({ application: 'a', reason: 'before' }, { key: 'a' });
    await until(() => seen.includes('before'));
    await redis.kill();
    await redis.restart();
    await until(async () => {
      // A job that meets the broken connection is lost: it is a hint.
      await queues
        .queue('sync')
        .add({ application: 'a', reason: 'after' }, { key: 'a' })
        .catch(() => undefined);
      return seen.includes('after');
    });
    expect(queues.healthy()).toBe(true);
    await queues[Symbol.asyncDispose]();
  });

  it('refuse jobs while Redis is away, rather than wait', async () => {
    const queues = createBullQueues({ url: 'unix:///nonexistent/redis.sock', logger: silentLogger });
    await expect(queues.queue('sync').add({ application: 'a', reason: 'r' })).rejects.toThrow(
      'Cannot add a job',
    );
    await queues[Symbol.asyncDispose]();
  });

  it('take a key at once although the worker of its job was killed', async () => {
    await redis.command('FLUSHALL');
    const seen: string[] = [];
    const dead = createBullQueues({ url: redis.url, logger: silentLogger, retry });
    let release: () => void = () => undefined;
    dead.work<SyncJob>('sync', {
      concurrency: 1,
      process: () => new Promise((resolve) => (release = resolve)),
    });
    await dead.queue('sync').add({ application: 'a', reason: 'interrupted' }, { key: 'a' });
    const active = async (): Promise<number> =>
      Number(await redis.command('LLEN', '{symphony}:q:sync:active'));
    await until(async () => (await active()) === 1);
    const queues = createBullQueues({ url: redis.url, logger: silentLogger, retry });
    queues.work<SyncJob>('sync', { concurrency: 1, process: async ({ reason }) => void seen.push(reason) });
    await queues.queue('sync').add({ application: 'a', reason: 'next' }, { key: 'a' });
    await until(() => seen.includes('next'));
    // Nobody has waited for the lock of the interrupted job to expire.
    expect(await active()).toBeGreaterThan(0);
    release();
    await dead[Symbol.asyncDispose]();
    await queues[Symbol.asyncDispose]();
  });

  it('replace a worker that stops silently, and say so', async () => {
    await redis.command('FLUSHALL');
    const queues = createBullQueues({ url: redis.url, logger: silentLogger, retry });
    const seen: unknown[] = [];
    let connections = 0;
    let release: () => void = () => undefined;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const worker = startBullWorker({
      name: 'notify',
      prefix: '{symphony}:q',
      clock: systemClock,
      logger: silentLogger,
      retry,
      stuckAfterMs: 120,
      concurrency: 1,
      process: async (payload) => void seen.push(payload),
      connect() {
        connections += 1;
        // The first worker, and the second one for a while, look at a server that has no jobs.
        const url = connections === 1 ? `${redis.url}?db=1` : redis.url;
        const client = createRedisClient(parseRedisUrl(url), {
          maxRetriesPerRequest: null,
          lazyConnect: true,
        });
        if (connections > 1) void released.then(() => client.connect().catch(() => undefined));
        return client;
      },
      countWaiting: async () => Number(await redis.command('LLEN', '{symphony}:q:notify:wait')),
    });
    await queues.queue('notify').add({ sha: 'abc' });
    await until(() => !worker.healthy());
    release();
    await until(() => seen.length === 1);
    expect(seen).toEqual([{ sha: 'abc' }]);
    expect(connections).toBeGreaterThan(1);
    await until(() => worker.healthy());
    await worker[Symbol.asyncDispose]();
    await queues[Symbol.asyncDispose]();
  });
});
