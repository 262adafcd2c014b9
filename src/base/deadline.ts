/** Work that must end in time. */
import { createAbort } from './abort.ts';
import type { Clock } from './clock.ts';

/** Runs `task` with a signal that aborts after `ms`, or when the outer one does. */
export async function withDeadline<T>(
  clock: Clock,
  ms: number,
  signal: AbortSignal,
  task: (bounded: AbortSignal) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  const bounded = createAbort();
  const stop = (): void => bounded.abort();
  const timer = clock.setTimer(stop, ms);
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await task(bounded.signal);
  } finally {
    timer.cancel();
    signal.removeEventListener('abort', stop);
  }
}
