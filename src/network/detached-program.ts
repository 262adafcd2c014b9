/**
 * Keeps one program running that outlives this process: the next process adopts it. A program that
 * ends is started again, with back-off. A program of another version is replaced.
 */
import { createAbort, uninterrupted } from '../base/abort.ts';
import { type BackoffPolicy, backoffDelayMs } from '../base/backoff.ts';
import {
  type DetachedCommand,
  type DetachedProcess,
  findDetached,
  isDetachedAlive,
  lastWordsOf,
  signalDetached,
  startDetached,
} from '../base/child-processes/detached-process.ts';
import { type Clock, sleep } from '../base/clock.ts';
import { errorMessage } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { makeDirectory } from '../base/make-directory.ts';

export interface DetachedProgramOptions {
  /** A private directory; an absolute path. */
  readonly directory: string;
  /** Read again before each start. */
  readonly command: () => DetachedCommand | Promise<DetachedCommand>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Called once a process was adopted or started. */
  readonly onUp?: (process: DetachedProcess, how: 'adopted' | 'started') => void;
  /** Called when it ended by itself or could not be started, with the reason. */
  readonly onDown?: (reason: string) => void;
}

/** Disposing it leaves the program running. */
export interface DetachedProgram extends AsyncDisposable {
  readonly process: DetachedProcess | undefined;
  /** Does nothing if it was started before. */
  start(): void;
  /** Ends the program, and keeps it ended. */
  stop(): Promise<void>;
}

const BACKOFF: BackoffPolicy = { initialMs: 250, factor: 2, maxMs: 30_000 };
/** A program that lived so long had started well: the back-off begins anew. */
const STABLE_MS = 60_000;
/** How often the process is looked at: reading one file of /proc takes microseconds. */
const POLL_MS = 250;

export function createDetachedProgram(options: DetachedProgramOptions): DetachedProgram {
  const { directory, clock, logger } = options;
  let stop = createAbort();
  let running: Promise<void> | undefined;
  let current: DetachedProcess | undefined;

  async function keep(signal: AbortSignal): Promise<void> {
    for (let failures = 0; !signal.aborted; ) {
      const since = clock.now();
      const reason = await live(signal);
      current = undefined;
      if (signal.aborted) return;
      failures = clock.now() - since > STABLE_MS ? 1 : failures + 1;
      logger.warn({ error: reason }, 'A program of the network has ended; it is started again');
      options.onDown?.(reason);
      await sleep(clock, backoffDelayMs(BACKOFF, failures), signal);
    }
  }

  /** One life of the program; gives the reason of its end. */
  async function live(signal: AbortSignal): Promise<string> {
    try {
      await makeDirectory(directory, 0o700);
      const command = await options.command();
      const adopted = await adopt(command);
      if (signal.aborted) return '';
      const process = adopted ?? (await startDetached(directory, command));
      current = process;
      options.onUp?.(process, adopted ? 'adopted' : 'started');
      while (!signal.aborted && (await isDetachedAlive(process))) await sleep(clock, POLL_MS, signal);
      return (await lastWordsOf(directory, command.name)) || `${command.program} ended`;
    } catch (error) {
      return errorMessage(error);
    }
  }

  /** At most one of them stays: the one with the right version. */
  async function adopt({ name, version }: DetachedCommand): Promise<DetachedProcess | undefined> {
    const found = (await findDetached(directory)).filter((process) => process.name === name);
    const kept = found.find((process) => process.version === version);
    for (const process of found) if (process !== kept) await endDetached(process, clock);
    return kept;
  }

  async function watchEnds(): Promise<void> {
    stop.abort();
    await running;
    running = undefined;
  }

  return {
    get process() {
      return current;
    },
    start() {
      if (running) return;
      stop = createAbort();
      running = keep(stop.signal);
    },
    async stop() {
      await watchEnds();
      const { name } = await options.command();
      await endAllDetached(directory, clock, name);
      current = undefined;
    },
    [Symbol.asyncDispose]: watchEnds,
  };
}

/** Ends the programs of a directory, or those with this name. */
export async function endAllDetached(directory: string, clock: Clock, name?: string): Promise<void> {
  for (const process of await findDetached(directory)) {
    if (name === undefined || process.name === name) await endDetached(process, clock);
  }
}

/** Open requests get this long; then the process is killed. */
const END_PATIENCE_MS = 10_000;

async function endDetached(process: DetachedProcess, clock: Clock): Promise<void> {
  const deadline = clock.now() + END_PATIENCE_MS;
  let signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM';
  while (await signalDetached(process, signal)) {
    await sleep(clock, POLL_MS, uninterrupted);
    if (clock.now() > deadline) signal = 'SIGKILL';
  }
}
