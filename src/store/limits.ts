/** Limits that all adapters of the store share, and the rules of a batch. */
import type { StoreOp } from './types.ts';

/** Changes kept per resource for watches to catch up; a watcher further behind lists again. */
export const DEFAULT_LOG_LIMIT = 20_000;

/** Bytes of changes kept per resource: 20,000 changes of 3 KiB. */
export const DEFAULT_LOG_BYTES = 67_108_864;

/**
 * Ids of commits are remembered three times as long as the adapter asks after a lost answer
 * (redis-committer.ts). At 300 commits a second they take 4 MiB.
 */
export const COMMIT_MEMORY_MS = 120_000;

/** The log may grow by this share before it is cut, so that not every commit trims. */
export const LOG_SLACK = 0.125;

/** Changes that wait for one consumer of the change log. A slower one gets Gone. */
export const WATCH_QUEUE_LIMIT = 10_000;

/** A batch may write an object once (and check it): its order has no meaning. */
export function checkDistinct(ops: readonly StoreOp[]): void {
  const written = new Set<string>();
  for (const op of ops) {
    if (op.type === 'check') continue;
    const name = `${op.resource} ${op.key}`;
    if (written.has(name)) throw new Error(`Cannot commit: ${op.resource} "${op.key}" appears twice`);
    written.add(name);
  }
}
