/** The client's unread data on one stream. The connection bounds it (connection.ts). */

export interface StreamInput extends AsyncIterable<Buffer> {
  /** False when it was dropped, since nobody wants it. */
  push(content: Buffer): boolean;
  end(): void;
  /** Drops the waiting data and all that follows. */
  ignore(): void;
}

export function createStreamInput(onTaken: (bytes: number) => void): StreamInput {
  let waiting: Buffer[] = [];
  let ended = false;
  let ignored = false;
  let wake: () => void = () => undefined;

  function ignore(): void {
    ignored = true;
    const bytes = waiting.reduce((sum, { length }) => sum + length, 0);
    waiting = [];
    if (bytes > 0) onTaken(bytes);
    wake();
  }

  return {
    push(content) {
      if (ignored || ended) return false;
      waiting.push(content);
      wake();
      return true;
    },
    end() {
      ended = true;
      wake();
    },
    ignore,
    async *[Symbol.asyncIterator]() {
      try {
        for (;;) {
          const content = waiting.shift();
          if (content) {
            onTaken(content.length);
            yield content;
          } else if (ended || ignored) {
            return;
          } else {
            await new Promise<void>((resolve) => {
              wake = resolve;
            });
          }
        }
      } finally {
        // A reader that leaves early must not hold the connection back.
        ignore();
      }
    },
  };
}
