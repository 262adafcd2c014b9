/**
 * The one place that makes abort controllers and combines signals. Many wait on one signal here (a signal of an agent on each
 * pod, a leader's on each loop), which Node would take for a leak from the eleventh on. A listener that is needed no more
 * must be removed all the same, by whoever added it.
 */
import { setMaxListeners } from 'node:events';

/** An AbortController on whose signal any number may wait. */
export function createAbort(): AbortController {
  // eslint-disable-next-line no-restricted-syntax -- the only one
  const abort = new AbortController();
  setMaxListeners(0, abort.signal);
  return abort;
}

/** For waits that are short, bounded, and must not be cut: ending one early would leave half a step. */
export const uninterrupted: AbortSignal = createAbort().signal;

/** The result of work that takes no signal; rejects as soon as the signal aborts, with its reason. */
export function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason as Error);
    void work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
}

/** Dispose it when it is done before its sources are: until then each of them holds on to it. */
export type CombinedSignal = AbortSignal & Disposable;

/**
 * Aborts as soon as one of the signals does, with its reason. AbortSignal.any of Node 20 leaves more than a kilobyte
 * with a long-lived source for each call, for good.
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
