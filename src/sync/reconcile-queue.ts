/** The reconciles of applications: at most one at a time for each. */
import type { Clock } from '../base/clock.ts';
import { ConflictError, errorMessage } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { type Requeue, createWorkQueue } from '../base/work-queue.ts';

export type ReconcileQueue = ReturnType<typeof createReconcileQueue>;

/** Nearly all reconciles wait for Git, and a slow one must not hold up the others. */
export const RECONCILE_CONCURRENCY = 1_000;

export function createReconcileQueue(options: {
  readonly clock: Clock;
  readonly logger: Logger;
  reconcile(application: string, signal: AbortSignal): Promise<Requeue | undefined>;
}) {
  const waiters = new Map<string, readonly (() => void)[]>();
  const work = createWorkQueue({
    clock: options.clock,
    concurrency: RECONCILE_CONCURRENCY,
    async process(key, signal) {
      // Later callers wait for the next reconcile: this one may have read the old state already.
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
      const fields = { application, retryInMs, error: errorMessage(error) };
      options.logger.error(fields, 'Cannot sync an application; trying again');
    },
  });
  return {
    add: work.add,
    addAfter: work.addAfter,
    /** Resolves after a reconcile that begins after this call. */
    reconcileNow: (key: string): Promise<void> =>
      new Promise((resolve) => {
        waiters.set(key, [...(waiters.get(key) ?? []), resolve]);
        work.add(key);
      }),
    [Symbol.asyncDispose]: (): PromiseLike<void> => work[Symbol.asyncDispose](),
  };
}
