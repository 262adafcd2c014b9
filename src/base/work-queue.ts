/**
 * Keyed work queue: the loop of every in-process controller. At most one worker processes a key; a
 * key added meanwhile is processed once more. A failed key comes back with exponential back-off.
 */
import { createAbort } from './abort.ts';
import { type BackoffPolicy, backoffDelayMs } from './backoff.ts';
import type { Clock, Timer } from './clock.ts';
import { ConflictError } from './errors.ts';

/** Process the key again after this time. */
export interface Requeue {
  readonly requeueAfterMs: number;
}

export interface WorkQueueOptions {
  readonly clock: Clock;
  readonly concurrency?: number;
  readonly backoff?: BackoffPolicy;
  process(key: string, signal: AbortSignal): Promise<Requeue | undefined | void>;
  /** Told about every failure, before the key is put back. */
  onError(key: string, error: unknown, retryInMs: number): void;
}

export interface WorkQueue extends AsyncDisposable {
  add(key: string): void;
  addAfter(key: string, delayMs: number): void;
  /** Keys waiting or in process (delayed ones not counted). */
  readonly depth: number;
}

/** client-go starts at 5 ms, too, and stops at 1000 s. */
const DEFAULT_BACKOFF: BackoffPolicy = { initialMs: 5, maxMs: 60_000, factor: 2 };

/**
 * A key that changed meanwhile rests as long as it was worked on: what belongs to thousands of
 * objects is then looked at once for many of their changes.
 */
const MAX_REST_MS = 200;
/** Below it a timer costs more than it saves. */
const MIN_REST_MS = 5;

/** A conflict means a stale view: the change that made it so is coming. */
const CONFLICT_RETRY_MS = 5;

export function createWorkQueue(options: WorkQueueOptions): WorkQueue {
  const { clock, process, onError } = options;
  const concurrency = options.concurrency ?? 1;
  const backoff = options.backoff ?? DEFAULT_BACKOFF;
  const waiting = new Set<string>();
  const active = new Map<string, Promise<void>>();
  const again = new Set<string>();
  const resting = new Map<string, Timer>();
  const failures = new Map<string, number>();
  const timers = new Map<string, { timer: Timer; at: number }>();
  const abort = createAbort();

  function add(key: string): void {
    if (abort.signal.aborted) return;
    if (active.has(key)) again.add(key);
    else if (!resting.has(key)) waiting.add(key);
    pump();
  }

  function addAfter(key: string, delayMs: number): void {
    if (abort.signal.aborted) return;
    if (delayMs <= 0) return add(key);
    const nowMs = clock.now();
    const at = nowMs + delayMs;
    const existing = timers.get(key);
    // Set forward, a clock passes times whose timers still wait.
    const isOverdue = existing !== undefined && existing.at < nowMs;
    if (existing && existing.at <= at && !isOverdue) return;
    existing?.timer.cancel();
    if (isOverdue) add(key);
    const timer = clock.setTimer(() => {
      timers.delete(key);
      add(key);
    }, delayMs);
    timers.set(key, { timer, at });
  }

  function pump(): void {
    while (active.size < concurrency) {
      const next = waiting.values().next();
      if (next.done) return;
      waiting.delete(next.value);
      active.set(next.value, run(next.value));
    }
  }

  async function run(key: string): Promise<void> {
    const beganMs = clock.now();
    let goesOn = false;
    try {
      const requeue = await process(key, abort.signal);
      failures.delete(key);
      if (requeue?.requeueAfterMs === 0) goesOn = true;
      else if (requeue) addAfter(key, requeue.requeueAfterMs);
    } catch (error) {
      const count = (failures.get(key) ?? 0) + 1;
      failures.set(key, count);
      const delay =
        error instanceof ConflictError && count < 10 ? CONFLICT_RETRY_MS : backoffDelayMs(backoff, count);
      if (!abort.signal.aborted) onError(key, error, delay);
      addAfter(key, delay);
    } finally {
      active.delete(key);
      const isChanged = again.delete(key);
      if (!abort.signal.aborted) {
        if (goesOn) waiting.add(key);
        else if (isChanged) rest(key, clock.now() - beganMs);
      }
      pump();
    }
  }

  function rest(key: string, tookMs: number): void {
    if (tookMs < MIN_REST_MS) return void waiting.add(key);
    const wake = (): void => {
      resting.delete(key);
      add(key);
    };
    resting.set(key, clock.setTimer(wake, Math.min(MAX_REST_MS, tookMs)));
  }

  return {
    add,
    addAfter,
    get depth() {
      return waiting.size + active.size;
    },
    async [Symbol.asyncDispose]() {
      abort.abort();
      waiting.clear();
      for (const { timer } of timers.values()) timer.cancel();
      timers.clear();
      for (const timer of resting.values()) timer.cancel();
      resting.clear();
      await Promise.allSettled(active.values());
    },
  };
}
