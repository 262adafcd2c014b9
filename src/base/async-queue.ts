/** A bounded bridge from pushing to pulling: producers push, one consumer iterates. */
export interface AsyncQueue<T> extends AsyncIterable<T> {
  /** False when the queue is full or closed: the item was not taken. */
  push(item: T): boolean;
  /**
   * Ends the iteration after what is already queued; with an error, the iteration throws it then.
   */
  close(error?: Error): void;
  readonly size: number;
}

export function createAsyncQueue<T>(limit = Number.POSITIVE_INFINITY): AsyncQueue<T> {
  const items: T[] = [];
  let wake: (() => void) | undefined;
  let closed = false;
  let failure: Error | undefined;
  return {
    push(item) {
      if (closed || items.length >= limit) return false;
      items.push(item);
      wake?.();
      return true;
    },
    close(error) {
      if (closed) return;
      closed = true;
      failure = error;
      wake?.();
    },
    get size() {
      return items.length;
    },
    async *[Symbol.asyncIterator]() {
      for (;;) {
        while (items.length > 0) yield items.shift() as T;
        if (failure) throw failure;
        if (closed) return;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        wake = undefined;
      }
    },
  };
}
