/** The reconciles of applications: at most one at a time for each. */
import type { Clock } from '../base/clock.ts';
import { ConflictError, errorMessage } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { type Requeue, createWorkQueue } from '../base/work-queue.ts';

export interface ReconcileQueue extends AsyncDisposable {
  add(application: string): void;
  addAfter(application: string, delayMs: number): void;
  /** Resolves after a reconcile that begins after this call. */
  reconcileNow(application: string): Promise<void>;
}

/** Nearly all reconciles wait for Git, and a slow one must not hold up the others. */
export const RECONCILE_CONCURRENCY = 1_000;

export function createReconcileQueue(options: {
  readonly clock: Clock;
  readonly logger: Logger;
  reconcile(application: string, signal: AbortSignal): Promise<Requeue | undefined>;
}): ReconcileQueue {
  const waiters = new Map<string, (() => void)[]>();
  const work = createWorkQueue({
    clock: options.clock,
    concurrency: RECONCILE_CONCURRENCY,
    async process(key, signal) {
      // Later callers wait for the next reconcile: this one may have read already what they want
      // seen.
      const asked = waiters.get(key) ?? [];
      waiters.delete(key);
      try {
        return await options.reconcile(key, signal);
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
    reconcileNow: (key) =>
      new Promise((resolve) => {
        const list = waiters.get(key);
        if (list) list.push(resolve);
        else waiters.set(key, [resolve]);
        work.add(key);
      }),
    [Symbol.asyncDispose]: () => work[Symbol.asyncDispose](),
  };
}
