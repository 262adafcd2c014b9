/** Callers that wait until a cache has reached a version. */
import { TransientError } from '../../base/errors.ts';
import type { Eventually } from '../../base/eventually.ts';
import type { ResourceId } from '../../schemas/resource-kind.ts';

export interface VersionWaiters {
  /** The version that was reached; never goes back. */
  readonly version: string;
  reached(version: string): void;
  /** At once where it is reached. Rejects when `signal` aborts or the cache closes. */
  until(version: number, signal?: AbortSignal): Eventually<void>;
  close(): void;
}

export function createVersionWaiters(resource: ResourceId): VersionWaiters {
  const waiters = new Set<{ readonly version: number; settle(): void }>();
  let version = '0';
  let closed = false;
  const aborted = (target: number): Error =>
    new TransientError(`Cannot wait for version ${target} of ${resource}: aborted`);

  return {
    get version() {
      return version;
    },
    reached(next) {
      const reached = Number(next);
      if (reached <= Number(version)) return;
      version = next;
      for (const waiter of [...waiters]) if (waiter.version <= reached) waiter.settle();
    },
    until(target, signal) {
      if (Number(version) >= target) return undefined;
      if (signal?.aborted || closed) return Promise.reject(aborted(target));
      return new Promise((resolve, reject) => {
        const waiter = {
          version: target,
          settle() {
            waiters.delete(waiter);
            signal?.removeEventListener('abort', waiter.settle);
            if (Number(version) >= target) resolve();
            else reject(aborted(target));
          },
        };
        signal?.addEventListener('abort', waiter.settle, { once: true });
        waiters.add(waiter);
      });
    },
    close() {
      closed = true;
      for (const waiter of [...waiters]) waiter.settle();
    },
  };
}
