/**
 * How long failed pods wait to be deleted. A node that refuses a pod refuses its successor as well;
 * without the waiting they would fight for ever. In memory only: a restart begins again.
 */
const INITIAL_MS = 1000;
const MAX_MS = 900_000;

interface Entry {
  readonly delayMs: number;
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
  const isOver = ({ sinceMs }: Entry, nowMs: number): boolean => nowMs - sinceMs > 2 * MAX_MS;
  return {
    waitMs(key, nowMs) {
      const entry = entries.get(key);
      return entry ? Math.max(0, entry.sinceMs + entry.delayMs - nowMs) : 0;
    },
    next(keys, nowMs) {
      if (keys.length === 0) return;
      for (const [key, entry] of entries) if (isOver(entry, nowMs)) entries.delete(key);
      for (const key of keys) {
        const before = entries.get(key)?.delayMs;
        const delayMs = before === undefined ? INITIAL_MS : Math.min(MAX_MS, before * 2);
        entries.set(key, { delayMs, sinceMs: nowMs });
      }
    },
  };
}
