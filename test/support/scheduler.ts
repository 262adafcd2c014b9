/** The real scheduler on a test cluster, for what the fake kubelet's own binding cannot decide. */
import { silentLogger } from '../../src/base/logger.ts';
import { seededRng } from '../../src/base/rng.ts';
import { startPlacementWorker } from '../../src/scheduler/worker/placement-worker.ts';
import { createMemoryQueues } from '../doubles/memory-queues.ts';
import type { TestCluster } from './cluster.ts';

export async function startScheduler({ clock, context, objects }: TestCluster): Promise<AsyncDisposable> {
  const queues = createMemoryQueues({ clock, logger: silentLogger });
  const worker = await startPlacementWorker({
    writer: objects,
    caches: context.caches,
    queues,
    clock,
    rng: seededRng(3),
    logger: silentLogger,
    mayAct: () => context.mayAct(),
    recordEvent: ({ pod, type, reason, message }) =>
      context.events.record({ about: pod, type, reason, message, component: 'default-scheduler' }),
  });
  return {
    async [Symbol.asyncDispose]() {
      await worker[Symbol.asyncDispose]();
      await queues[Symbol.asyncDispose]();
    },
  };
}
