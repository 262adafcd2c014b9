/**
 * A long-lived `git cat-file --batch` (or `--batch-check`) child: thousands of objects without a process for each.
 *
 * Requests are answered in order. When the child dies, what was asked fails with TransientError and the next request
 * starts a new one. A reader at rest ends its child. It reads the object database only: no work tree, no filters, no symlinks.
 */
import { createAbort } from '../../base/abort.ts';
import { type Child, startChild } from '../../base/child-processes/child-process.ts';
import { TransientError } from '../../base/errors.ts';
import type { Clock, Timer } from '../../base/clock.ts';

export interface GitObject {
  readonly id: string;
  readonly type: string;
  readonly sizeBytes: number;
  /** Undefined for a reader that only checks. */
  readonly contents: Buffer | undefined;
}

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

/** A local object is read in milliseconds; a disk that does not answer must not hold a sync forever. */
const STALL_TIMEOUT_MS = 30_000;
/** Longer than the pauses within one sync; short enough that a thousand repositories do not keep as many processes. */
const IDLE_MS = 10_000;
/** The largest object that is read whole. A folder or a commit may be of any size, and a pusher chooses it. */
const MAX_OBJECT_BYTES = 64 * 1024 * 1024;
const MEMORY_BYTES = 512 * 1024 * 1024;
const NEWLINE = 10;

interface Running {
  readonly child: Child;
  readonly requests: Request[];
  readonly ended: Promise<void>;
  /** Takes no more requests. */
  isRetired: boolean;
  /** Counts the time anew: until the answer, or of rest. */
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
    let buffered: Buffer = Buffer.alloc(0);
    let chunks: Buffer[] = [];
    let missingBytes = 0;
    let header: { id: string; type: string; sizeBytes: number } | undefined;
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
    const parse = (): void => {
      for (;;) {
        if (header) {
          if (missingBytes > 0) return;
          buffered = Buffer.concat(chunks);
          const contents = buffered.subarray(0, header.sizeBytes);
          const rest = buffered.subarray(header.sizeBytes + 1);
          requests.shift()?.resolve({ ...header, contents });
          header = undefined;
          chunks = rest.length > 0 ? [rest] : [];
        }
        buffered = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
        chunks = buffered.length > 0 ? [buffered] : [];
        const end = buffered.indexOf(NEWLINE);
        if (end < 0) return;
        const line = buffered.toString('utf8', 0, end);
        const rest = buffered.subarray(end + 1);
        chunks = rest.length > 0 ? [rest] : [];
        const match = /^([0-9a-f]{40,64}) (\w+) (\d+)$/.exec(line);
        if (!match) requests.shift()?.resolve(undefined);
        else {
          const found = { id: match[1] ?? '', type: match[2] ?? '', sizeBytes: Number(match[3]) };
          if (options.mode === 'headers') requests.shift()?.resolve({ ...found, contents: undefined });
          else {
            if (found.sizeBytes > MAX_OBJECT_BYTES) {
              fail(`an object has ${found.sizeBytes} bytes, the limit is ${MAX_OBJECT_BYTES}`);
              return child.end();
            }
            header = found;
            missingBytes = found.sizeBytes + 1 - rest.length;
          }
        }
      }
    };
    started.stdout.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      missingBytes -= chunk.length;
      parse();
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
