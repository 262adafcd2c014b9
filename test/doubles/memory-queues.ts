/**
 * Queues in memory for simulation: driven by the clock alone, and as unreliable as a test wants
 * them. Jobs of one key collapse as the contract says; a job added while one of its key is active
 * runs once more afterwards.
 */
import { createAbort } from '../../src/base/abort.ts';
import { backoffDelayMs } from '../../src/base/backoff.ts';
import type { Clock, Timer } from '../../src/base/clock.ts';
import { type JsonValue, jsonClone } from '../../src/base/json.ts';
import type { Logger } from '../../src/base/logger.ts';
import type { Rng } from '../../src/base/rng.ts';
import { DEFAULT_RETRY, type RetryPolicy } from '../../src/queue/retry.ts';
import type { JobOptions, JobWorkerOptions, QueueName, Queues } from '../../src/queue/types.ts';

export interface QueueFaults {
  readonly rng: Rng;
  /** Share of jobs that vanish, and that are run twice: 0 to 1. */
  readonly loseShare?: number;
  readonly duplicateShare?: number;
}

export interface MemoryQueuesOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly retry?: RetryPolicy;
  readonly faults?: QueueFaults;
  /** Jobs that may wait in one queue; more are dropped, as a full Redis would. */
  readonly limit?: number;
}

interface Job {
  readonly payload: JsonValue;
  readonly key: string | undefined;
  readonly attemptsMade: number;
}

interface QueueState {
  readonly waiting: Set<Job>;
  readonly delayed: Map<Job, Timer>;
  readonly active: Set<Job>;
  /** Jobs that were added for a key while a job of it was active. */
  readonly kept: Map<string, JsonValue>;
  readonly workers: Set<{ pump(): void }>;
}

const DEFAULT_LIMIT = 100_000;

export function createMemoryQueues(options: MemoryQueuesOptions): Queues {
  const { clock, faults, retry = DEFAULT_RETRY, limit = DEFAULT_LIMIT } = options;
  const logger = options.logger.child({ component: 'queue' });
  const states = new Map<QueueName, QueueState>();
  const workers = new Set<AsyncDisposable>();
  let closed = false;

  function stateOf(name: QueueName): QueueState {
    let state = states.get(name);
    if (!state) {
      state = {
        waiting: new Set(),
        delayed: new Map(),
        active: new Set(),
        kept: new Map(),
        workers: new Set(),
      };
      states.set(name, state);
    }
    return state;
  }

  function enqueue(state: QueueState, job: Job, delayMs: number): void {
    if (closed || state.waiting.size + state.delayed.size >= limit) return;
    if (delayMs > 0) {
      const timer = clock.setTimer(() => {
        state.delayed.delete(job);
        enqueue(state, job, 0);
      }, delayMs);
      state.delayed.set(job, timer);
      return;
    }
    state.waiting.add(job);
    for (const worker of state.workers) worker.pump();
  }

  function add(state: QueueState, payload: JsonValue, { key, delayMs = 0 }: JobOptions): void {
    if (key !== undefined) {
      const sameKey = (job: Job): boolean => job.key === key;
      if ([...state.waiting].some(sameKey)) return;
      if ([...state.active].some(sameKey)) return void state.kept.set(key, payload);
      const delayed = [...state.delayed].find(([job]) => sameKey(job));
      if (delayed) {
        // The news is as urgent as it says; an earlier one that waits for its retry comes along.
        delayed[1].cancel();
        state.delayed.delete(delayed[0]);
        return enqueue(state, delayed[0], delayMs);
      }
    }
    enqueue(state, { payload, key, attemptsMade: 0 }, delayMs);
  }

  function work(name: QueueName, workerOptions: JobWorkerOptions<JsonValue>): AsyncDisposable {
    const state = stateOf(name);
    const abort = createAbort();
    const running = new Set<Promise<void>>();

    async function run(job: Job): Promise<void> {
      // Never within `add`: whoever adds a job does not run it.
      await Promise.resolve();
      try {
        await workerOptions.process(jsonClone(job.payload), abort.signal);
        state.active.delete(job);
      } catch (error) {
        state.active.delete(job);
        const attemptsMade = job.attemptsMade + 1;
        const delayMs = retryDelayMs(retry, attemptsMade);
        logger.error(
          { queue: name, key: job.key, error, failures: attemptsMade, retryInMs: delayMs },
          'A job failed',
        );
        const hasNews = job.key !== undefined && state.kept.has(job.key);
        if (delayMs !== undefined && !hasNews) enqueue(state, { ...job, attemptsMade }, delayMs);
      }
      if (job.key === undefined || !state.kept.has(job.key)) return;
      const payload = state.kept.get(job.key) ?? null;
      state.kept.delete(job.key);
      enqueue(state, { payload, key: job.key, attemptsMade: 0 }, 0);
    }

    const worker = {
      pump(): void {
        while (!abort.signal.aborted && running.size < workerOptions.concurrency) {
          const next = state.waiting.values().next();
          if (next.done) return;
          state.waiting.delete(next.value);
          state.active.add(next.value);
          const ended = run(next.value).finally(() => {
            running.delete(ended);
            worker.pump();
          });
          running.add(ended);
        }
      },
    };
    state.workers.add(worker);
    worker.pump();
    const disposable: AsyncDisposable = {
      async [Symbol.asyncDispose]() {
        abort.abort();
        state.workers.delete(worker);
        workers.delete(disposable);
        await Promise.allSettled(running);
      },
    };
    workers.add(disposable);
    return disposable;
  }

  return {
    queue: (name) => ({
      async add(payload, jobOptions = {}) {
        if (closed) throw new Error(`Cannot add a job to ${name}: the queues are closed`);
        const state = stateOf(name);
        const chance = faults?.rng.next() ?? 1;
        if (chance < (faults?.loseShare ?? 0)) return;
        add(state, jsonClone(payload), jobOptions);
        const again = faults?.rng.next() ?? 1;
        if (again < (faults?.duplicateShare ?? 0)) add(state, jsonClone(payload), {});
      },
    }),
    work: (name, workerOptions) => work(name, workerOptions),
    healthy: () => true,
    async [Symbol.asyncDispose]() {
      closed = true;
      for (const { delayed, waiting } of states.values()) {
        for (const timer of delayed.values()) timer.cancel();
        delayed.clear();
        waiting.clear();
      }
      await Promise.all([...workers].map((worker) => worker[Symbol.asyncDispose]()));
    },
  };
}

/** The delay before the next attempt, or undefined when there is none. */
function retryDelayMs(policy: RetryPolicy, attemptsMade: number): number | undefined {
  return attemptsMade >= policy.attempts ? undefined : backoffDelayMs(policy.backoff, attemptsMade);
}
