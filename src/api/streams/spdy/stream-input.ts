/** What a client has written to one stream and nobody has read yet. The limit is the connection's (connection.ts). */

export interface StreamInput extends AsyncIterable<Buffer> {
  /** False when nobody wants it: it does not wait. */
  push(content: Buffer): boolean;
  end(): void;
  /** Drops what waits and whatever comes. */
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
