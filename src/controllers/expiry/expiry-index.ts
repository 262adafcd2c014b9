/**
 * The times at which objects of one kind expire, pure. Time is counted in ticks of the caller: no
 * clock is read, so setting one changes nothing. Objects expire in the order of their writes.
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
 * The age of an object when the newest version was `newest`. Versions are microseconds of the
 * store's clock, which may differ from ours. A clock that was set back makes objects younger, never
 * older.
 */
export function ageMs(version: string, newest: string): number {
  return Math.max(0, (Number(newest) - Number(version)) / 1000);
}
