/**
 * A long-lived `git cat-file --batch` (or `--batch-check`) child: thousands of objects without a process for each.
 *
 * Requests are answered in order. When the child dies, what was asked fails with TransientError and the next request
 * starts a new one. It reads the object database only: no work tree, no filters, no symlinks.
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
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
const NEWLINE = 10;

interface Request {
  readonly resolve: (object: GitObject | undefined) => void;
  readonly reject: (error: Error) => void;
}

export function createObjectReader(options: ObjectReaderOptions): ObjectReader {
  const flag = options.mode === 'contents' ? '--batch' : '--batch-check';
  let child: ChildProcessWithoutNullStreams | undefined;
  let disposed = false;

  function start(): ChildProcessWithoutNullStreams {
    const started = spawn('git', ['--git-dir', options.directory, 'cat-file', flag], {
      env: options.environment,
      stdio: 'pipe',
    });
    const requests: Request[] = [];
    waiting.set(started, requests);
    let buffered: Buffer = Buffer.alloc(0);
    let chunks: Buffer[] = [];
    let missingBytes = 0;
    let header: { id: string; type: string; sizeBytes: number } | undefined;
    let stall: Timer | undefined;
    const rearm = (): void => {
      stall?.cancel();
      stall =
        requests.length === 0
          ? undefined
          : options.clock.setTimer(() => started.kill('SIGKILL'), STALL_TIMEOUT_MS);
    };
    const fail = (why: string): void => {
      stall?.cancel();
      if (child === started) child = undefined;
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
    return started;
  }

  const waiting = new WeakMap<ChildProcessWithoutNullStreams, Request[]>();
  return {
    read(name) {
      if (disposed) return Promise.reject(new TransientError('Cannot read from the mirror: it is closed'));
      if (name.includes('\n')) return Promise.resolve(undefined);
      const current = (child ??= start());
      return new Promise((resolve, reject) => {
        waiting.get(current)?.push({ resolve, reject });
        current.stdin.write(`${name}\n`);
      });
    },
    async [Symbol.asyncDispose]() {
      disposed = true;
      const current = child;
      if (!current) return;
      await new Promise<void>((resolve) => {
        current.once('close', () => resolve());
        current.stdin.end();
        current.kill();
      });
    },
  };
}
