/**
 * Time as a parameter. Everything that waits or reads the time takes a {@link Clock}, so that a
 * process can run the whole system on simulated time. Only this folder calls `Date.now` or
 * `setTimeout`.
 */
export interface Timer {
  /** Stops the timer; safe to call twice and after it fired. */
  cancel(): void;
}

export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
  /** Runs `task` once, `delayMs` from now. */
  setTimer(task: () => void, delayMs: number): Timer;
}

/** Milliseconds with fractions, to measure durations, never to decide. */
export const stopwatchMs = (): number => performance.now();

/** The longest delay that a Node timer takes: 2^31 - 1 ms, about 24.8 days. */
const MAX_TIMER_MS = 2_147_483_647;

export const systemClock: Clock = {
  now: () => Date.now(),
  setTimer(task, delayMs) {
    const handle = setTimeout(task, Math.min(Math.max(delayMs, 0), MAX_TIMER_MS));
    return { cancel: () => clearTimeout(handle) };
  },
};

/** Resolves after `ms`, or when `signal` aborts. Never rejects: the caller asks the signal. */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const finish = (): void => {
      timer.cancel();
      signal?.removeEventListener('abort', finish);
      resolve();
    };
    const timer = clock.setTimer(finish, ms);
    signal?.addEventListener('abort', finish, { once: true });
  });
}

/** The second that was written last: the objects of a commit share it. */
let lastSecond = { second: 0, text: '1970-01-01T00:00:00Z' };

/** RFC 3339 in whole seconds, as `metav1.Time` is written: `2026-01-02T03:04:05Z`. */
export function toRfc3339(epochMs: number): string {
  const second = Math.floor(epochMs / 1_000);
  if (second !== lastSecond.second)
    lastSecond = { second, text: `${new Date(epochMs).toISOString().slice(0, 19)}Z` };
  return lastSecond.text;
}

/** RFC 3339 with microseconds, as `metav1.MicroTime` is written: `2026-01-02T03:04:05.678000Z`. */
export function toRfc3339Micro(epochMs: number): string {
  return `${new Date(epochMs).toISOString().slice(0, 23)}000Z`;
}
