/**
 * One BullMQ worker and its watchdog. Workers have been seen to stop silently after a failover or a
 * broken connection (bullmq#4378, #4479, #4585). A worker that has room for waiting jobs and starts
 * none is replaced with its connections, and is unhealthy until a job starts or none waits.
 */
import { type Job, Worker } from 'bullmq';
import type { Cluster, Redis } from 'ioredis';
import { createAbort } from '../base/abort.ts';
import { backoffDelayMs } from '../base/backoff.ts';
import { type Clock, sleep } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { INITIAL_WATCHDOG, planWatchdog } from './plan-watchdog.ts';
import type { RetryPolicy } from './retry.ts';

export interface BullWorkerOptions {
  readonly name: string;
  readonly prefix: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly retry: RetryPolicy;
  readonly stuckAfterMs: number;
  readonly concurrency: number;
  process(payload: unknown, signal: AbortSignal): Promise<void>;
  /** A connection that waits for Redis until it is closed; BullMQ duplicates it. */
  connect(isClosed: () => boolean): Redis | Cluster;
  countWaiting(): Promise<number>;
}

export interface BullWorker extends AsyncDisposable {
  healthy(): boolean;
}

/** The watchdog checks a worker this many times before it replaces it. */
const CHECKS = 3;
/** The lock outlives short stalls of the event loop. Jobs of a dead worker come back after it. */
const LOCK_MS = 30_000;
const STALLED_CHECK_MS = 15_000;
/** A job whose worker died this often is given up: it may be what kills them. */
const MAX_STALLED = 5;
/**
 * Bounds how long a lost wake-up goes unnoticed. Each round costs six commands per queue, which is
 * most of what an idle control plane asks of Redis.
 */
const DRAIN_DELAY_S = 15;
/** A worker that closes more slowly loses its connections; its jobs come again. */
const CLOSE_TIMEOUT_MS = 2_000;

interface Incarnation {
  readonly worker: Worker;
  readonly connection: Redis | Cluster;
  readonly state: { closed: boolean };
}

export function startBullWorker(options: BullWorkerOptions): BullWorker {
  const { clock, logger, concurrency } = options;
  const abort = createAbort();
  let active = 0;
  let started = 0;
  let stuck = false;
  let current = incarnate();

  async function run(job: Job): Promise<void> {
    active += 1;
    started += 1;
    stuck = false;
    try {
      await options.process(job.data, abort.signal);
    } catch (error) {
      logger.error({ error, failures: job.attemptsMade + 1 }, 'A job failed');
      throw error;
    } finally {
      active -= 1;
    }
  }

  function incarnate(): Incarnation {
    const state = { closed: false };
    const connection = options.connect(() => state.closed);
    connection.on('error', (error: Error) => logger.debug({ error }, 'The connection of a worker failed'));
    const worker = new Worker(options.name, run, {
      connection,
      prefix: options.prefix,
      concurrency,
      drainDelay: DRAIN_DELAY_S,
      lockDuration: LOCK_MS,
      stalledInterval: STALLED_CHECK_MS,
      maxStalledCount: MAX_STALLED,
      settings: { backoffStrategy: (attemptsMade) => backoffDelayMs(options.retry.backoff, attemptsMade) },
    });
    worker.on('error', (error) => logger.debug({ error }, 'A worker reported an error'));
    worker.on('stalled', (jobId) =>
      logger.warn({ jobId }, 'A job was taken over from a worker that fell silent'),
    );
    return { worker, connection, state };
  }

  async function close({ worker, connection, state }: Incarnation, force: boolean): Promise<void> {
    const patience = createAbort();
    // BullMQ waits for Redis without end; where Redis is away there is nothing to say to it.
    const timeoutMs = connection.status === 'ready' ? CLOSE_TIMEOUT_MS : 0;
    const closing = worker.close(force).catch((error: unknown) => {
      logger.debug({ error }, 'A worker did not close cleanly');
    });
    await Promise.race([closing, sleep(clock, timeoutMs, patience.signal)]);
    patience.abort();
    state.closed = true;
    connection.disconnect();
  }

  async function watch(): Promise<void> {
    let state = INITIAL_WATCHDOG;
    for (;;) {
      await sleep(clock, options.stuckAfterMs / CHECKS, abort.signal);
      if (abort.signal.aborted) return;
      let waiting: number;
      try {
        waiting = await options.countWaiting();
      } catch (error) {
        // Without Redis nobody can work: that is not the worker's fault, and the store reports it.
        logger.debug({ error }, 'The watchdog cannot count the jobs');
        continue;
      }
      if (abort.signal.aborted) return;
      const observation = { nowMs: clock.now(), concurrency, active, started, waiting };
      const plan = planWatchdog(state, observation, options.stuckAfterMs);
      state = plan.state;
      if (plan.verdict === 'well') stuck = false;
      if (plan.verdict !== 'stuck') continue;
      logger.error({ waiting }, 'A worker has jobs and starts none; it is replaced');
      stuck = true;
      const old = current;
      current = incarnate();
      await close(old, true);
    }
  }

  const watching = watch();
  return {
    healthy: () => !stuck,
    async [Symbol.asyncDispose]() {
      abort.abort();
      await watching;
      await close(current, false);
    },
  };
}
