/** Runs one pass after another while there is news, then waits for more, or for a time. */
import type { Clock, Timer } from '../../base/clock.ts';

export interface PodLoop {
  wake(): void;
  /** Ends the timer, and resolves when no pass is running. */
  end(): Promise<void>;
}

export interface PodLoopOptions {
  readonly clock: Clock;
  mayRun(): boolean;
  /** Answers the time of the next pass, unless news comes first. */
  pass(): Promise<number | undefined>;
}

export function createPodLoop({ clock, mayRun, pass }: PodLoopOptions): PodLoop {
  let hasNews = false;
  let isRunning = false;
  let done: Promise<void> = Promise.resolve();
  let timer: Timer | undefined;

  function wake(): void {
    hasNews = true;
    if (isRunning || !mayRun()) return;
    isRunning = true;
    done = run();
  }

  async function run(): Promise<void> {
    // At its start an agent finds several containers of the pod. Wait for all of them: a member
    // without its sandbox would be ended.
    await Promise.resolve();
    try {
      while (hasNews && mayRun()) {
        hasNews = false;
        timer?.cancel();
        const untilMs = await pass();
        if (untilMs !== undefined && Number.isFinite(untilMs))
          timer = clock.setTimer(wake, untilMs - clock.now());
      }
    } finally {
      isRunning = false;
    }
  }

  return {
    wake,
    end() {
      timer?.cancel();
      return done;
    },
  };
}
