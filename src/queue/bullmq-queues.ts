/**
 * Queues on BullMQ. All keys carry one hash tag, so that a Redis Cluster takes them. Producers fail
 * after a moment without Redis: a job is a hint. Workers wait for Redis for ever. Each worker has
 * its own connections, so that its watchdog can replace all of it (bullmq-worker.ts).
 */
import { Queue } from 'bullmq';
import { backoffDelayMs } from '../base/backoff.ts';
import { type Clock, systemClock } from '../base/clock.ts';
import { TransientError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { createRedisClient } from '../store/redis/connect.ts';
import { parseRedisUrl } from '../store/redis/redis-target.ts';
import { type BullWorker, startBullWorker } from './bullmq-worker.ts';
import { DEFAULT_RETRY, type RetryPolicy } from './retry.ts';
import type { QueueName, Queues } from './types.ts';

export interface BullQueuesOptions {
  /** See store/redis/redis-target.ts for the forms. */
  readonly url: string;
  readonly logger: Logger;
  readonly clock?: Clock;
  /** Must carry a hash tag. */
  readonly prefix?: string;
  readonly retry?: RetryPolicy;
  /** A worker that starts no job for this long, though it could, is replaced. */
  readonly stuckAfterMs?: number;
}

const DEFAULT_PREFIX = '{symphony}:q';
const DEFAULT_STUCK_AFTER_MS = 30_000;
/** Only people read finished jobs, and few do. */
const KEEP_COMPLETED = 100;
const KEEP_FAILED = 500;
const RECONNECT = { initialMs: 50, maxMs: 2_000, factor: 2 };
/** Adding a job waits for this many attempts to reach Redis. */
const PRODUCER_RETRIES = 3;
const PRODUCER_TIMEOUT_MS = 5_000;
const CLOSE_TIMEOUT_MS = 2_000;
/** BullMQ's stream of events serves dashboards; we do not read it. */
const MAX_EVENTS = 1_000;

export function createBullQueues(options: BullQueuesOptions): Queues {
  const { clock = systemClock, prefix = DEFAULT_PREFIX, retry = DEFAULT_RETRY } = options;
  const logger = options.logger.child({ component: 'queue' });
  const target = parseRedisUrl(options.url);
  const queues = new Map<QueueName, Queue>();
  const workers = new Set<BullWorker>();
  const retryStrategy = (times: number): number => backoffDelayMs(RECONNECT, times);
  const client = createRedisClient(target, {
    maxRetriesPerRequest: PRODUCER_RETRIES,
    commandTimeout: PRODUCER_TIMEOUT_MS,
    retryStrategy,
  });
  client.on('error', (error: Error) => logger.debug({ error }, 'The connection of the queues failed'));

  function queueOf(name: QueueName): Queue {
    let queue = queues.get(name);
    if (!queue) {
      queue = new Queue(name, {
        connection: client,
        skipWaitingForReady: true,
        prefix,
        streams: { events: { maxLen: MAX_EVENTS } },
        defaultJobOptions: {
          attempts: retry.attempts,
          backoff: { type: 'custom' },
          removeOnComplete: { count: KEEP_COMPLETED },
          removeOnFail: { count: KEEP_FAILED },
        },
      });
      queue.on('error', (error: Error) => logger.debug({ error, queue: name }, 'A queue reported an error'));
      queues.set(name, queue);
    }
    return queue;
  }

  /** The release of keys that the workers of each queue begin with. */
  const releasing = new Map<QueueName, Promise<void>>();

  return {
    queue: (name) => ({
      async add(payload, { key, delayMs } = {}) {
        await releasing.get(name);
        // A new job of the same key brings a waiting retry forward.
        const deduplication =
          key === undefined ? undefined : { id: key, keepLastIfActive: true, reschedule: true };
        try {
          const adding = queueOf(name).add(name, payload, {
            ...(delayMs ? { delay: delayMs } : {}),
            ...(deduplication ? { deduplication } : {}),
          });
          await within(clock, PRODUCER_TIMEOUT_MS, adding);
        } catch (error) {
          throw new TransientError(`Cannot add a job to ${name}`, { cause: error });
        }
      },
    }),
    work(name, workerOptions) {
      const released = releaseKeys(queueOf(name), clock).catch((error: unknown) => {
        logger.debug({ error, queue: name }, 'Cannot release the jobs of a worker that died');
      });
      releasing.set(name, released);
      const worker = startBullWorker({
        name,
        prefix,
        clock,
        logger: logger.child({ queue: name }),
        retry,
        stuckAfterMs: options.stuckAfterMs ?? DEFAULT_STUCK_AFTER_MS,
        concurrency: workerOptions.concurrency,
        process: (payload, signal) => workerOptions.process(payload as never, signal),
        connect: (isClosed) =>
          createRedisClient(target, {
            maxRetriesPerRequest: null,
            retryStrategy: (times) => (isClosed() ? null : retryStrategy(times)),
          }),
        countWaiting: () => queueOf(name).getWaitingCount(),
      });
      workers.add(worker);
      return {
        async [Symbol.asyncDispose]() {
          workers.delete(worker);
          await worker[Symbol.asyncDispose]();
        },
      };
    },
    healthy: () => [...workers].every((worker) => worker.healthy()),
    async [Symbol.asyncDispose]() {
      await Promise.all([...workers].map((worker) => worker[Symbol.asyncDispose]()));
      workers.clear();
      const closing = Promise.allSettled([...queues.values()].map((queue) => queue.close()));
      await within(clock, CLOSE_TIMEOUT_MS, closing).catch(() => undefined);
      client.disconnect();
    },
  };
}

/**
 * Only the leader works: a job that is active when its worker starts was left by a dead leader. It
 * would block its key until its lock expires. Doing such a job again does no harm.
 */
async function releaseKeys(queue: Queue, clock: Clock): Promise<void> {
  for (const { deduplicationId } of await within(clock, PRODUCER_TIMEOUT_MS, queue.getActive()))
    if (deduplicationId !== undefined)
      await within(clock, PRODUCER_TIMEOUT_MS, queue.removeDeduplicationKey(deduplicationId));
}

/** Rejects when it takes longer; BullMQ itself waits for a connection without end. */
function within<T>(clock: Clock, timeoutMs: number, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = clock.setTimer(() => reject(new Error(`No answer in ${timeoutMs} ms`)), timeoutMs);
    work.then(resolve, reject).finally(() => timer.cancel());
  });
}
