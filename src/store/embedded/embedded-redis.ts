/**
 * The redis-server of `symphony up`: a child on a unix socket in the data directory, with an append-only file and no TCP
 * port. It is started again when it dies, and stopped when this is disposed.
 *
 * The server saves and ends when its owner is killed. One that is still ending (or that the system cannot tell of its
 * owner's death) holds the data and the socket; embedded-owner.ts finds and stops it, so that starting again after
 * SIGKILL works and keeps the data. Two living owners of one directory are refused.
 */
import { createHash } from 'node:crypto';
import { lstat, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { makeDirectory } from '../../base/make-directory.ts';
import { createAbort } from '../../base/abort.ts';
import { type BackoffPolicy, backoffDelayMs } from '../../base/backoff.ts';
import { type Child, startChild } from '../../base/child-processes/child-process.ts';
import { type Clock, sleep } from '../../base/clock.ts';
import { claimDirectory, releaseDirectory } from '../../base/directory-owner.ts';
import { errorMessage, UserError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import { pingSocket, stopStaleServer } from './embedded-owner.ts';

export interface EmbeddedRedisOptions {
  /** Made with mode 0700 if it is not there. */
  readonly dir: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly binary?: string;
}

export interface EmbeddedRedis extends AsyncDisposable {
  /** For `createRedisStore` and `createBullQueues`. */
  readonly url: string;
  readonly socket: string;
  /** Of the server that runs now. */
  readonly pid: number | undefined;
}

/** `sun_path` holds 108 bytes (unix(7)), the last one zero. */
const MAX_SOCKET_PATH_BYTES = 107;
/** Reading a large append-only file takes its time; nothing is served before. */
const START_TIMEOUT_MS = 120_000;
const POLL_MS = 25;
/** After SIGTERM the server syncs its file and goes. */
const STOP_TIMEOUT_MS = 10_000;
/**
 * Rounds of Redis' own upkeep per second; each costs some 0.1 ms also while nothing happens, and it has 10 unless told. A
 * wait that is to time out may last longer by one round.
 */
const UPKEEP_HZ = 5;
const RESTART: BackoffPolicy = { initialMs: 100, maxMs: 10_000, factor: 2 };
/** A server that has run this long died of something new. */
const STABLE_MS = 60_000;
const OUTPUT_TAIL_CHARS = 4_000;

interface Running {
  readonly child: Child;
  readonly startedAt: number;
  /** Resolves with the end of its output once the process is gone. */
  readonly exited: Promise<string>;
}

/** Throws UserError where redis-server is missing or the directory is in use. */
export async function startEmbeddedRedis(options: EmbeddedRedisOptions): Promise<EmbeddedRedis> {
  const { clock, binary = 'redis-server' } = options;
  const logger = options.logger.child({ component: 'embedded-redis' });
  const dir = resolve(options.dir);
  await makeDirectory(dir, 0o700);
  const socket = await socketPath(dir);
  const stopping = createAbort();
  let running: Running | undefined;

  await claimDirectory(dir, (pid) => `Cannot use "${dir}": process ${pid} runs Redis there`);
  await stopStaleServer({ dir, socket, clock, logger });

  async function launch(): Promise<Running> {
    const args = [
      '--port',
      '0',
      '--unixsocket',
      socket,
      '--unixsocketperm',
      '700',
      '--dir',
      dir,
      '--save',
      '',
    ];
    const durability = [
      '--appendonly',
      'yes',
      '--appendfsync',
      'everysec',
      '--maxmemory-policy',
      'noeviction',
      '--hz',
      String(UPKEEP_HZ),
    ];
    // No limit of memory: a store that cannot grow loses writes.
    const child = await startChild(
      'redis',
      binary,
      [...args, ...durability, '--pidfile', join(dir, 'redis.pid')],
      {
        cwd: dir,
        deathSignal: 'TERM',
      },
    );
    child.process.stdin.end();
    let tail = '';
    const keep = (chunk: Buffer): void => {
      tail = (tail + chunk.toString('utf8')).slice(-OUTPUT_TAIL_CHARS);
    };
    child.process.stdout.on('data', keep);
    child.process.stderr.on('data', keep);
    const exited = new Promise<string>((done) => {
      child.process.once('error', (error) => done(`${tail}${errorMessage(error)}`));
      child.process.once('exit', () => done(tail));
    });
    return { child, startedAt: clock.now(), exited };
  }

  /** Starts a server and waits until it serves. */
  async function start(): Promise<Running> {
    const started = await launch();
    let output: string | undefined;
    void started.exited.then((text) => {
      output = text;
    });
    const deadline = clock.now() + START_TIMEOUT_MS;
    while (!(await pingSocket(socket))) {
      if (output !== undefined) throw startError(binary, output);
      if (stopping.signal.aborted) {
        started.child.end('SIGTERM');
        await started.exited;
        throw new Error(`Cannot start ${binary}: it is no longer wanted`);
      }
      if (clock.now() > deadline) {
        started.child.end();
        throw new UserError(`Cannot start ${binary}: it does not serve after ${START_TIMEOUT_MS} ms`);
      }
      await sleep(clock, POLL_MS, stopping.signal);
    }
    return started;
  }

  /** Keeps a server running until told to stop. */
  async function supervise(): Promise<void> {
    let failures = 0;
    while (!stopping.signal.aborted) {
      try {
        running ??= await start();
        if (stopping.signal.aborted) running.child.end('SIGTERM');
        const { exited, startedAt } = running;
        const output = await exited;
        if (stopping.signal.aborted) return;
        running = undefined;
        if (clock.now() - startedAt > STABLE_MS) failures = 0;
        logger.error({ output: lastLine(output) }, 'redis-server ended unexpectedly; starting it again');
      } catch (error) {
        if (stopping.signal.aborted) return;
        logger.error({ error }, 'Cannot start redis-server again');
      }
      failures += 1;
      await sleep(clock, backoffDelayMs(RESTART, failures), stopping.signal);
    }
  }

  try {
    running = await start();
  } catch (error) {
    await releaseDirectory(dir);
    throw error;
  }
  logger.debug({ dir, pid: running.child.process.pid }, 'redis-server is ready');
  const supervising = supervise();

  return {
    url: `unix://${encodeURI(socket)}`,
    socket,
    get pid() {
      return running?.child.process.pid;
    },
    async [Symbol.asyncDispose]() {
      if (stopping.signal.aborted) return supervising;
      stopping.abort();
      const last = running;
      if (last) {
        last.child.end('SIGTERM');
        const patience = createAbort();
        const timeout = sleep(clock, STOP_TIMEOUT_MS, patience.signal).then(() => {
          if (!patience.signal.aborted) last.child.end();
        });
        await last.exited;
        patience.abort();
        await timeout;
      }
      await supervising;
      await rm(socket, { force: true });
      await releaseDirectory(dir);
    },
  };
}

/** In the directory; where its path is too long for a socket, in a private directory below the system's temporary one. */
async function socketPath(dir: string): Promise<string> {
  const path = join(dir, 'redis.sock');
  if (Buffer.byteLength(path) <= MAX_SOCKET_PATH_BYTES) return path;
  const short = join(tmpdir(), `symphony-${createHash('sha256').update(dir).digest('hex').slice(0, 16)}`);
  await makeDirectory(short, 0o700);
  const found = await lstat(short);
  const isOurs = found.isDirectory() && found.uid === process.getuid?.() && (found.mode & 0o077) === 0;
  if (!isOurs) throw new UserError(`Cannot use "${short}" for the socket of Redis: others have access to it`);
  return join(short, 'redis.sock');
}

function startError(binary: string, output: string): Error {
  // The second is what a program says that was to become the server.
  if (/ENOENT|failed to execute/.test(output)) {
    return new UserError(
      `Cannot start ${binary}: it is not installed; install the package redis-server, or name a server with --redis-url`,
    );
  }
  return new UserError(`Cannot start ${binary}: ${lastLine(output)}`);
}

function lastLine(output: string): string {
  return output.trimEnd().split('\n').at(-1) ?? '';
}
