/**
 * A long-lived `git cat-file --batch` (or `--batch-check`) child. When it dies, open requests fail
 * with TransientError, and the next request starts a new child. A reader at rest ends its child. It
 * reads the object database only: no work tree, no filters, no symlinks.
 */
import { createAbort } from '../../base/abort.ts';
import { type Child, startChild } from '../../base/child-processes/child-process.ts';
import { TransientError } from '../../base/errors.ts';
import type { Clock, Timer } from '../../base/clock.ts';
import { type GitObject, MAX_OBJECT_BYTES, createBatchParser } from './batch-parser.ts';

export interface ObjectReader extends AsyncDisposable {
  /** Undefined when there is no such object. `name` must not contain a line break. */
  read(name: string): Promise<GitObject | undefined>;
}

export interface ObjectReaderOptions {
  readonly directory: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly mode: 'contents' | 'headers';
  readonly clock: Clock;
}

/** A local object is read in milliseconds; a dead disk must not hold a sync forever. */
const STALL_TIMEOUT_MS = 30_000;
/** Longer than the pauses within a sync; a thousand repositories must not keep as many children. */
const IDLE_MS = 10_000;
const MEMORY_BYTES = 512 * 1024 * 1024;

interface Running {
  readonly child: Child;
  readonly requests: Request[];
  readonly ended: Promise<void>;
  /** Takes no more requests. */
  isRetired: boolean;
  /** Restarts the timer: for the answer, or for the rest. */
  rearm(): void;
}

interface Request {
  readonly resolve: (object: GitObject | undefined) => void;
  readonly reject: (error: Error) => void;
}

export function createObjectReader(options: ObjectReaderOptions): ObjectReader {
  const flag = options.mode === 'contents' ? '--batch' : '--batch-check';
  let current: Promise<Running> | undefined;
  let latest: Running | undefined;
  const closing = createAbort();

  async function start(): Promise<Running> {
    const child = await startChild('git-reader', 'git', ['--git-dir', options.directory, 'cat-file', flag], {
      env: options.environment,
      limits: { memoryBytes: MEMORY_BYTES },
      signal: closing.signal,
    });
    const { process: started } = child;
    const requests: Request[] = [];
    const ended = new Promise<void>((resolve) => started.once('close', resolve).once('error', resolve));
    const running: Running = { child, requests, ended, isRetired: false, rearm: () => rearm() };
    const parse = createBatchParser(options.mode);
    let stall: Timer | undefined;
    const rearm = (): void => {
      stall?.cancel();
      stall =
        requests.length === 0
          ? options.clock.setTimer(() => retire(running), IDLE_MS)
          : options.clock.setTimer(() => child.end(), STALL_TIMEOUT_MS);
    };
    const fail = (why: string): void => {
      stall?.cancel();
      retire(running);
      for (const request of requests.splice(0))
        request.reject(new TransientError(`Cannot read from the mirror: ${why}`));
    };
    started.stdout.on('data', (chunk: Buffer) => {
      for (const answer of parse(chunk)) {
        if (answer.type === 'object') requests.shift()?.resolve(answer.object);
        else {
          fail(`an object has ${answer.sizeBytes} bytes, the limit is ${MAX_OBJECT_BYTES}`);
          child.end();
        }
      }
      rearm();
    });
    started.stderr.resume();
    started.stdin.on('error', () => fail('git closed its input'));
    started.on('error', (error) => fail(error.message));
    started.on('close', () => fail('git ended'));
    return running;
  }

  /** The next request starts another child. */
  function retire(running: Running): void {
    running.isRetired = true;
    if (latest === running) current = undefined;
    running.child.process.stdin.end();
  }

  return {
    async read(name) {
      if (name.includes('\n')) return undefined;
      // eslint-disable-next-line no-restricted-syntax -- each round waits until another child has started
      for (;;) {
        if (closing.signal.aborted) throw new TransientError('Cannot read from the mirror: it is closed');
        current ??= start().then(
          (running) => (latest = running),
          (error: unknown) => {
            current = undefined;
            throw error;
          },
        );
        const running = await current;
        if (running.isRetired) {
          if (latest === running) current = undefined;
          continue;
        }
        return new Promise((resolve, reject) => {
          running.requests.push({ resolve, reject });
          if (running.requests.length === 1) running.rearm();
          running.child.process.stdin.write(`${name}\n`);
        });
      }
    },
    async [Symbol.asyncDispose]() {
      closing.abort();
      const running = await current?.catch(() => undefined);
      if (!running) return;
      running.child.process.stdin.end();
      running.child.end();
      await running.ended;
    },
  };
}
