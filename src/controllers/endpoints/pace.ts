/**
 * Limits how often the endpoints of a Service are reconciled while many pods change. A first
 * change is reconciled at once. The pause to the next one grows with the number of pods, as the
 * cost of a reconcile does.
 */
import type { Clock } from '../../base/clock.ts';

export interface Pace {
  /** Milliseconds until the Service may be reconciled again. */
  delayMs(key: string): number;
  reconciled(key: string, pods: number): void;
  forget(key: string): void;
}

/** 2,000 pods pause for half a second; fewer than 40 do not pause at all. */
const PAUSE_MS_PER_POD = 0.25;
const MIN_PAUSE_MS = 10;
const MAX_PAUSE_MS = 1_000;

export function createPace({ now }: Pick<Clock, 'now'>): Pace {
  const nextMs = new Map<string, number>();
  return {
    delayMs: (key) => Math.max(0, (nextMs.get(key) ?? 0) - now()),
    reconciled(key, pods) {
      const pauseMs = Math.min(MAX_PAUSE_MS, pods * PAUSE_MS_PER_POD);
      if (pauseMs >= MIN_PAUSE_MS) nextMs.set(key, now() + pauseMs);
      else nextMs.delete(key);
    },
    forget: (key) => void nextMs.delete(key),
  };
}
