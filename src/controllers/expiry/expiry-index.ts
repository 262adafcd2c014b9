/**
 * When objects of one kind expire, pure. Time is counted in ticks of the caller, which only go forward: no clock is read, so
 * that one that is set changes nothing. All objects live equally long: in the order of their writes they expire.
 */
export interface ExpiryIndex {
  /** The object was written now, or this many ticks ago. */
  written(key: string, tick: number, ageTicks?: number): void;
  removed(key: string): void;
  /** At most `limit` keys that have expired at `tick`, the oldest first. */
  due(tick: number, limit: number): readonly string[];
}

export function createExpiryIndex(ttlTicks: number): ExpiryIndex {
  /** In the order of their last write. */
  const dueAt = new Map<string, number>();
  return {
    written(key, tick, ageTicks = 0) {
      dueAt.delete(key);
      dueAt.set(key, tick + ttlTicks - Math.min(ttlTicks, ageTicks));
    },
    removed: (key) => void dueAt.delete(key),
    due(tick, limit) {
      const due: string[] = [];
      for (const [key, at] of dueAt) {
        if (at > tick || due.length >= limit) break;
        due.push(key);
      }
      return due;
    },
  };
}

/**
 * How old an object was when the store's newest version was `newest`. Versions are microseconds of the store's clock, the only
 * one that is asked: it may differ from ours. One that was set back makes objects look younger, never older.
 */
export function ageMs(version: string, newest: string): number {
  return Math.max(0, (Number(newest) - Number(version)) / 1000);
}
