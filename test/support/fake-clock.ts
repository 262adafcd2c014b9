/**
 * Simulated time: timers fire only when a test advances the clock, in order of their due time (and,
 * for equal ones, in the order in which they were set). A binary heap, because a simulated hour of
 * a cluster is some 100,000 timers.
 */
import type { Clock } from '../../src/base/clock.ts';

export interface FakeClock extends Clock {
  /** Moves time forward, firing due timers one by one and letting promises settle between them. */
  advance(ms: number): Promise<void>;
  /** Due time of the next timer, if there is one. */
  readonly nextTimerAt: number | undefined;
}

export interface FakeClockOptions {
  /**
   * Turns of the event loop that are waited for after each timer. One is enough for code that waits
   * only for promises and this clock: all microtasks run before the next turn.
   */
  readonly settleRounds?: number;
  /** Called after each timer, when everything that follows from it has happened. */
  readonly onSettled?: () => void;
}

interface Entry {
  readonly at: number;
  readonly sequence: number;
  /** Undefined once it was cancelled or has fired. */
  task: (() => void) | undefined;
}

const DEFAULT_SETTLE_ROUNDS = 3;

/** Lets every promise chain that needs no timer and no real I/O run to its end. */
export async function settle(rounds = DEFAULT_SETTLE_ROUNDS): Promise<void> {
  for (let round = 0; round < rounds; round += 1) await new Promise((resolve) => setImmediate(resolve));
}

export function createFakeClock(
  startMs = Date.UTC(2026, 0, 1),
  { settleRounds = DEFAULT_SETTLE_ROUNDS, onSettled }: FakeClockOptions = {},
): FakeClock {
  let now = startMs;
  let sequence = 0;
  const heap: Entry[] = [];

  /**
   * The next entry that still has a task, left in the heap; cancelled ones are dropped on the way.
   */
  function peek(): Entry | undefined {
    while (heap[0] && !heap[0].task) pop(heap);
    return heap[0];
  }

  return {
    now: () => now,
    setTimer(task, delayMs) {
      sequence += 1;
      // Whole milliseconds, as the system's clock.
      const entry: Entry = { at: now + Math.max(0, Math.ceil(delayMs)), sequence, task };
      push(heap, entry);
      return {
        cancel: () => {
          entry.task = undefined;
        },
      };
    },
    get nextTimerAt() {
      return peek()?.at;
    },
    async advance(ms) {
      const end = now + ms;
      await settle(settleRounds);
      onSettled?.();
      for (let next = peek(); next && next.at <= end; next = peek()) {
        pop(heap);
        now = Math.max(now, next.at);
        const { task } = next;
        next.task = undefined;
        task?.();
        await settle(settleRounds);
        onSettled?.();
      }
      now = end;
    },
  };
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.at < b.at || (a.at === b.at && a.sequence < b.sequence);
}

function push(heap: Entry[], entry: Entry): void {
  heap.push(entry);
  let index = heap.length - 1;
  while (index > 0) {
    const parentIndex = (index - 1) >> 1;
    const parent = heap[parentIndex];
    if (!parent || !isBefore(entry, parent)) break;
    heap[index] = parent;
    index = parentIndex;
  }
  heap[index] = entry;
}

function pop(heap: Entry[]): void {
  const last = heap.pop();
  if (!last || heap.length === 0) return;
  let index = 0;
  for (;;) {
    let childIndex = 2 * index + 1;
    const left = heap[childIndex];
    if (!left) break;
    const right = heap[childIndex + 1];
    if (right && isBefore(right, left)) childIndex += 1;
    const child = heap[childIndex];
    if (!child || !isBefore(child, last)) break;
    heap[index] = child;
    index = childIndex;
  }
  heap[index] = last;
}
