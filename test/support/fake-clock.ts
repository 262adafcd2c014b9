/** Simulated time: timers fire only when a test advances the clock, in order of their due time. */
import type { Clock } from '../../src/base/clock.ts';

export interface FakeClock extends Clock {
  /** Moves time forward, firing due timers one by one and letting promises settle between them. */
  advance(ms: number): Promise<void>;
  /** Due time of the next timer, if there is one. */
  readonly nextTimerAt: number | undefined;
}

/** Lets every promise chain that needs no timer and no real I/O run to its end. */
export async function settle(rounds = 3): Promise<void> {
  for (let round = 0; round < rounds; round += 1) await new Promise((resolve) => setImmediate(resolve));
}

export function createFakeClock(startMs = Date.UTC(2026, 0, 1)): FakeClock {
  let now = startMs;
  let sequence = 0;
  const timers = new Map<number, { at: number; task: () => void }>();
  const due = (): [number, { at: number; task: () => void }] | undefined => {
    let best: [number, { at: number; task: () => void }] | undefined;
    for (const entry of timers) if (!best || entry[1].at < best[1].at) best = entry;
    return best;
  };
  return {
    now: () => now,
    setTimer(task, delayMs) {
      sequence += 1;
      const id = sequence;
      timers.set(id, { at: now + Math.max(0, delayMs), task });
      return { cancel: () => void timers.delete(id) };
    },
    get nextTimerAt() {
      return due()?.[1].at;
    },
    async advance(ms) {
      const end = now + ms;
      await settle();
      for (let next = due(); next && next[1].at <= end; next = due()) {
        timers.delete(next[0]);
        now = Math.max(now, next[1].at);
        next[1].task();
        await settle();
      }
      now = end;
    },
  };
}
