/**
 * The looks at applications: at most one at a time for each, and those who wait for one wait for one that begins after they
 * asked.
 */
import type { Clock } from '../base/clock.ts';
import { ConflictError, errorMessage } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { type Requeue, createWorkQueue } from '../base/work-queue.ts';

export interface LookQueue extends AsyncDisposable {
  add(application: string): void;
  addAfter(application: string, delayMs: number): void;
  /** Resolves after a look that begins after this call. */
  lookNow(application: string): Promise<void>;
}

/** Looks at a time: nearly all of them wait for Git, and one that is slow must not hold up the others. */
export const LOOK_CONCURRENCY = 1_000;

export function createLookQueue(options: {
  readonly clock: Clock;
  readonly logger: Logger;
  look(application: string, signal: AbortSignal): Promise<Requeue | undefined>;
}): LookQueue {
  const waiters = new Map<string, (() => void)[]>();
  const work = createWorkQueue({
    clock: options.clock,
    concurrency: LOOK_CONCURRENCY,
    async process(key, signal) {
      // Who asks from now on waits for the next look: this one may already have read what they want seen.
      const asked = waiters.get(key) ?? [];
      waiters.delete(key);
      try {
        return await options.look(key, signal);
      } finally {
        for (const resolve of asked) resolve();
      }
    },
    onError(application, error, retryInMs) {
      if (error instanceof ConflictError) return;
      options.logger.error(
        { application, retryInMs, error: errorMessage(error) },
        'Cannot sync an application; trying again',
      );
    },
  });
  return {
    add: work.add,
    addAfter: work.addAfter,
    lookNow: (key) =>
      new Promise((resolve) => {
        const list = waiters.get(key);
        if (list) list.push(resolve);
        else waiters.set(key, [resolve]);
        work.add(key);
      }),
    [Symbol.asyncDispose]: () => work[Symbol.asyncDispose](),
  };
}
