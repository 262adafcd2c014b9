/**
 * Reads that many ask for at once: one at a time for each key. Who asks while one is under way waits for the next, together
 * with everybody else who asked meanwhile, so that an answer is never older than the question.
 */
export interface SharedReads {
  /** Everyone who shares a key must mean the same read. */
  read<T>(key: string, read: () => Promise<T>): Promise<T>;
}

interface Running {
  readonly current: Promise<unknown>;
  next: Promise<unknown> | undefined;
}

export function createSharedReads(): SharedReads {
  const running = new Map<string, Running>();

  function start<T>(key: string, read: () => Promise<T>): Promise<T> {
    const current = read().finally(() => {
      if (running.get(key)?.current === current) running.delete(key);
    });
    running.set(key, { current, next: undefined });
    return current;
  }

  return {
    read<T>(key: string, read: () => Promise<T>): Promise<T> {
      const known = running.get(key);
      if (!known) return start(key, read);
      known.next ??= known.current.catch(() => undefined).then(() => start(key, read));
      return known.next as Promise<T>;
    },
  };
}
