/**
 * Bounded concurrency with two urgencies. The Engine is fastest with about eight calls at once. A
 * waiting start goes before a waiting create, so that pods finish instead of being half made.
 */
export interface Gate {
  run<T>(urgency: 'high' | 'low', task: () => Promise<T>): Promise<T>;
}

export function createGate(limit: number): Gate {
  const waiting = { high: [] as (() => void)[], low: [] as (() => void)[] };
  let active = 0;
  return {
    async run(urgency, task) {
      if (active >= limit) await new Promise<void>((resolve) => waiting[urgency].push(resolve));
      else active += 1;
      try {
        return await task();
      } finally {
        // The next task gets the slot at once, so that none jumps the queue.
        const next = waiting.high.shift() ?? waiting.low.shift();
        if (next) next();
        else active -= 1;
      }
    },
  };
}

/** Maps with at most `limit` calls in flight; the first failure rejects. */
export async function mapBounded<T, R>(
  items: readonly T[],
  limit: number,
  map: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < items.length) {
      const index = next;
      next += 1;
      results[index] = await map(items[index] as T);
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  return results;
}
