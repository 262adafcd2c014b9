/**
 * Levels of directories in an archive. Each one holds descriptors open, of which the agent has few
 * for all of its work; a pod or an archive could ask for millions.
 */
export const MAX_LEVELS = 500;

/** Waiting for a stream of an archive that takes no more for now. */
interface Flow {
  once(event: 'drain' | 'close', listener: () => void): unknown;
  off(event: 'drain' | 'close', listener: () => void): unknown;
}

export function drainedOrClosed(stream: Flow): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      stream.off('drain', done);
      stream.off('close', done);
      resolve();
    };
    stream.once('drain', done);
    stream.once('close', done);
  });
}
