/** A bound on pieces of work at one time. Others wait in the order of their arrival. */
export interface Slots {
  run<T>(work: () => Promise<T>): Promise<T>;
  /** Resolves with the function that gives the place back. Rejects when the signal aborts first. */
  enter(signal?: AbortSignal): Promise<() => void>;
  /** Places taken now. */
  readonly taken: number;
}

export function createSlots(count: number): Slots {
  let taken = 0;
  const waiting = new Set<() => void>();

  function leaveOnce(): () => void {
    let left = false;
    return () => {
      if (left) return;
      left = true;
      const [next] = waiting;
      if (!next) {
        taken -= 1;
        return;
      }
      // The place passes to the one that waits longest.
      waiting.delete(next);
      next();
    };
  }

  async function enter(signal?: AbortSignal): Promise<() => void> {
    signal?.throwIfAborted();
    if (taken < count) {
      taken += 1;
      return leaveOnce();
    }
    return new Promise((resolve, reject) => {
      const give = (): void => {
        signal?.removeEventListener('abort', stop);
        resolve(leaveOnce());
      };
      const stop = (): void => {
        waiting.delete(give);
        reject(signal?.reason as Error);
      };
      waiting.add(give);
      signal?.addEventListener('abort', stop, { once: true });
    });
  }

  return {
    enter,
    get taken() {
      return taken;
    },
    async run(work) {
      const leave = await enter();
      try {
        return await work();
      } finally {
        leave();
      }
    },
  };
}
