/**
 * A worker has stopped silently (bullmq#4378) when jobs wait, it has room and starts none. A worker
 * with a long job, or without work, is not stuck. Pure.
 */
export interface WorkerObservation {
  readonly nowMs: number;
  readonly concurrency: number;
  /** Jobs it is running. */
  readonly active: number;
  /** Jobs it has started so far. */
  readonly started: number;
  /** Jobs ready to be taken. */
  readonly waiting: number;
}

export interface WatchdogState {
  readonly started: number;
  /** Since when jobs wait without one being started; undefined while all is well. */
  readonly idleSinceMs: number | undefined;
}

export interface WatchdogPlan {
  readonly state: WatchdogState;
  readonly verdict: 'well' | 'suspect' | 'stuck';
}

export const INITIAL_WATCHDOG: WatchdogState = { started: 0, idleSinceMs: undefined };

export function planWatchdog(
  state: WatchdogState,
  observation: WorkerObservation,
  stuckAfterMs: number,
): WatchdogPlan {
  const { nowMs, started } = observation;
  const hasRoom = observation.active < observation.concurrency;
  if (observation.waiting === 0 || !hasRoom || started !== state.started) {
    return { state: { started, idleSinceMs: undefined }, verdict: 'well' };
  }
  const idleSinceMs = state.idleSinceMs ?? nowMs;
  if (nowMs - idleSinceMs < stuckAfterMs) return { state: { started, idleSinceMs }, verdict: 'suspect' };
  // Another worker takes its place, and gets as much time.
  return { state: { started, idleSinceMs: nowMs }, verdict: 'stuck' };
}
