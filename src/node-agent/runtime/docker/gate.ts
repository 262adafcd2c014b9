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
