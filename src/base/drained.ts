/** Waits for a stream that takes no more for now: its reader is slower than its writer. */
interface Flow {
  readonly destroyed: boolean;
  once(event: 'drain' | 'close', listener: () => void): unknown;
  off(event: 'drain' | 'close', listener: () => void): unknown;
}

/** Resolves when the stream takes more, or has closed. */
export function drained(stream: Flow): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      stream.off('drain', done);
      stream.off('close', done);
      resolve();
    };
    stream.once('drain', done);
    stream.once('close', done);
    if (stream.destroyed) done();
  });
}
