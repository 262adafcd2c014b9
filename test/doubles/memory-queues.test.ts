import { describe, expect, it } from 'vitest';
import { silentLogger } from '../../src/base/logger.ts';
import { seededRng } from '../../src/base/rng.ts';
import { createMemoryQueues } from './memory-queues.ts';
import type { SyncJob } from '../../src/queue/types.ts';
import { jobQueueContract, TEST_ATTEMPTS } from '../contracts/job-queue.ts';
import { createFakeClock } from '../support/fake-clock.ts';

const retry = { attempts: TEST_ATTEMPTS, backoff: { initialMs: 20, maxMs: 100, factor: 2 } };

jobQueueContract('memory', async () => {
  const clock = createFakeClock();
  const queues = createMemoryQueues({ clock, logger: silentLogger, retry });
  return {
    queues,
    async until(condition) {
      for (let round = 0; !condition(); round += 1) {
        if (round > 1000) throw new Error('The condition never held');
        await clock.advance(10);
      }
    },
    [Symbol.asyncDispose]: () => queues[Symbol.asyncDispose](),
  };
});

describe('the memory queues', () => {
  const countRuns = async (faults: { loseShare?: number; duplicateShare?: number }): Promise<number> => {
    const clock = createFakeClock();
    const queues = createMemoryQueues({
      clock,
      logger: silentLogger,
      faults: { rng: seededRng(1), ...faults },
    });
    let runs = 0;
    queues.work<SyncJob>('sync', {
      concurrency: 1,
      process: async () => {
        runs += 1;
      },
    });
    for (let n = 0; n < 1000; n += 1) await queues.queue('sync').add({ application: 'a', reason: `${n}` });
    await clock.advance(1);
    await queues[Symbol.asyncDispose]();
    return runs;
  };

  it('lose and double jobs as they are told', async () => {
    expect(await countRuns({})).toBe(1000);
    const left = await countRuns({ loseShare: 0.25 });
    expect(left).toBeGreaterThan(700);
    expect(left).toBeLessThan(800);
    expect(await countRuns({ duplicateShare: 1 })).toBe(2000);
  });

  it('drop jobs above their limit', async () => {
    const clock = createFakeClock();
    const queues = createMemoryQueues({ clock, logger: silentLogger, limit: 3 });
    for (let n = 0; n < 10; n += 1) await queues.queue('sync').add({ n });
    const seen: unknown[] = [];
    queues.work('sync', { concurrency: 1, process: async (payload) => void seen.push(payload) });
    await clock.advance(1);
    expect(seen).toEqual([{ n: 0 }, { n: 1 }, { n: 2 }]);
  });
});
