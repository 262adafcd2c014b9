/**
 * The one place that makes abort controllers and combines signals. Many wait on one signal, which
 * Node takes for a leak from the eleventh on. Remove a listener once it is not needed.
 */
import { setMaxListeners } from 'node:events';

/** An AbortController on whose signal any number may wait. */
export function createAbort(): AbortController {
  // eslint-disable-next-line no-restricted-syntax -- the only one
  const abort = new AbortController();
  setMaxListeners(0, abort.signal);
  return abort;
}

/** For short, bounded waits that must not be cut: ending one early would leave half a step. */
export const uninterrupted: AbortSignal = createAbort().signal;

/**
 * The result of work that takes no signal; rejects as soon as the signal aborts, with its reason.
 */
export function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason as Error);
    void work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
}

/** Dispose it once it is done: until then each of its sources holds on to it. */
export type CombinedSignal = AbortSignal & Disposable;

/**
 * Aborts with the first of the signals, and its reason. AbortSignal.any of Node 20 leaves more than
 * a kilobyte with a long-lived source for each call, for good.
 */
export function anySignal(...sources: readonly AbortSignal[]): CombinedSignal {
  const abort = createAbort();
  const forget = (): void => {
    for (const source of sources) source.removeEventListener('abort', onAbort);
  };
  function onAbort(this: AbortSignal): void {
    forget();
    abort.abort(this.reason);
  }
  const aborted = sources.find((source) => source.aborted);
  if (aborted) abort.abort(aborted.reason);
  else for (const source of sources) source.addEventListener('abort', onAbort, { once: true });
  return Object.assign(abort.signal, { [Symbol.dispose]: forget });
}
