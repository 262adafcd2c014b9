/**
 * How long failed pods wait to be deleted. A node that refuses a pod refuses its successor as well;
 * without the wait, pods would be made and deleted for ever. In memory only: a restart begins
 * again.
 */
import { type BackoffPolicy, backoffDelayMs } from '../../base/backoff.ts';

/** Upstream's: from a second to a quarter of an hour. */
const POLICY: BackoffPolicy = { initialMs: 1_000, maxMs: 900_000, factor: 2 };

interface Entry {
  readonly failures: number;
  readonly sinceMs: number;
}

export interface FailedPodBackoff {
  /** Milliseconds until the next failed pod of this key may be deleted; 0: now. */
  waitMs(key: string, nowMs: number): number;
  /** A failed pod of each key is being deleted. */
  next(keys: readonly string[], nowMs: number): void;
}

export function createFailedPodBackoff(): FailedPodBackoff {
  const entries = new Map<string, Entry>();
  /** Forgotten after twice the longest wait, as upstream. */
  const isOver = ({ sinceMs }: Entry, nowMs: number): boolean => nowMs - sinceMs > 2 * POLICY.maxMs;
  return {
    waitMs(key, nowMs) {
      const entry = entries.get(key);
      return entry ? Math.max(0, entry.sinceMs + backoffDelayMs(POLICY, entry.failures) - nowMs) : 0;
    },
    next(keys, nowMs) {
      if (keys.length === 0) return;
      for (const [key, entry] of entries) if (isOver(entry, nowMs)) entries.delete(key);
      for (const key of keys)
        entries.set(key, { failures: (entries.get(key)?.failures ?? 0) + 1, sinceMs: nowMs });
    },
  };
}
