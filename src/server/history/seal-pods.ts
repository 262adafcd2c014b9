/**
 * Proves bound pods and volumes of nodes that carry no proof (an earlier version wrote them), or one of another key. The
 * leader does so once on a healthy store; every later write renews the proof.
 */
import { type Clock, sleep } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { CacheSet } from '../../store/cache/cache.ts';
import { isBound, type PlacementProofs } from '../../resources/writing/placement-proof.ts';
import { writeEach } from '../../resources/writing/write-each.ts';
import type { BoundWriter, Write } from '../../resources/writing/write-plan.ts';
import type { Fence } from '../../store/types.ts';

export interface SealParts {
  readonly writer: BoundWriter;
  readonly caches: CacheSet;
  readonly proofs: PlacementProofs;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly fence: Fence | undefined;
  readonly signal: AbortSignal;
}

/** Pods checked and written at once: milliseconds of hashing, and a small commit. */
const BATCH = 200;
/** Leaves the event loop to requests between two batches. */
const PAUSE_MS = 1;

export async function sealBoundPods(parts: SealParts): Promise<void> {
  const { writer, proofs, fence, signal } = parts;
  const [pods, volumes] = await Promise.all([
    parts.caches.open('pods'),
    parts.caches.open('persistentvolumes'),
  ]);
  const all = [...pods.list(), ...volumes.list()];
  let sealed = 0;
  for (let start = 0; start < all.length && !signal.aborted; start += BATCH) {
    if (start > 0) await sleep(parts.clock, PAUSE_MS, signal);
    const writes = all
      .slice(start, start + BATCH)
      .filter((object) => isBound(object) && !proofs.isProven(object))
      .map((object): Write => ({ verb: 'restore', object }));
    // One that changed meanwhile got its proof with the change.
    const outcomes = await writeEach(writer, writes, fence ? { fence } : {});
    sealed += outcomes.filter(({ refusal }) => refusal === undefined).length;
  }
  if (sealed > 0)
    parts.logger.info({ objects: sealed }, 'Bound pods and volumes carry a proof of their node now');
}
