/** Work that many ask for at once: one at a time for each key, and its result for all. */
export interface SharedReads {
  /**
   * A caller that comes while a read is under way waits for the next one, together with all others
   * that came meanwhile: an answer is never older than the question.
   */
  read<T>(key: string, read: () => Promise<T>): Promise<T>;
  /** Shares the work that is under way, for answers that do not age (a pull, a token). */
  join<T>(key: string, work: () => Promise<T>): Promise<T>;
}

interface Running {
  readonly current: Promise<unknown>;
  isBegun: boolean;
  next: Promise<unknown> | undefined;
}

/**
 * Everyone who shares a key must mean the same work. `gathers`: a first read begins a moment later,
 * so that those who ask at once share it.
 */
export function createSharedReads({ gathers = false } = {}): SharedReads {
  const running = new Map<string, Running>();

  function start<T>(key: string, read: () => Promise<T>): Promise<T> {
    const one = { isBegun: false, next: undefined };
    const begin = (): Promise<T> => {
      one.isBegun = true;
      return read();
    };
    const current = (gathers ? Promise.resolve().then(begin) : begin()).finally(() => {
      if (running.get(key)?.current === current) running.delete(key);
    });
    running.set(key, Object.assign(one, { current }));
    return current;
  }

  return {
    read<T>(key: string, read: () => Promise<T>): Promise<T> {
      const known = running.get(key);
      if (!known) return start(key, read);
      if (!known.isBegun) return known.current as Promise<T>;
      known.next ??= known.current.catch(() => undefined).then(() => start(key, read));
      return known.next as Promise<T>;
    },
    join: <T>(key: string, work: () => Promise<T>) =>
      (running.get(key)?.current as Promise<T> | undefined) ?? start(key, work),
  };
}
