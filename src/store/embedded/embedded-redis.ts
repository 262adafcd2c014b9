/**
 * The redis-server of `symphony up`: a child on a unix socket in the data directory. It is started
 * again when it dies, and stopped by dispose.
 *
 * The server saves and ends when its owner is killed. One that still ends, or does not hear of the
 * death, holds data and socket: embedded-owner.ts stops it, so that a start after SIGKILL works.
 * Two living owners of a directory are refused.
 */
import { rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { createAbort } from '../../base/abort.ts';
import { type BackoffPolicy, backoffDelayMs } from '../../base/backoff.ts';
import { type Clock, sleep } from '../../base/clock.ts';
import { claimDirectory, releaseDirectory } from '../../base/directory-owner.ts';
import type { Logger } from '../../base/logger.ts';
import { makeDirectory } from '../../base/make-directory.ts';
import { socketPath } from '../../base/socket-path.ts';
import { stopStaleServer } from './embedded-owner.ts';
import { lastLine, type RedisProcess, type RedisProcessOptions, startRedisProcess } from './redis-process.ts';

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
  /** The server that runs now. */
  readonly pid: number | undefined;
}

/** After SIGTERM the server syncs its file and goes. */
const STOP_TIMEOUT_MS = 10_000;
const RESTART: BackoffPolicy = { initialMs: 100, maxMs: 10_000, factor: 2 };
/** A server that ran this long died of something new. */
const STABLE_MS = 60_000;

/** Throws UserError where redis-server is missing or the directory is in use. */
export async function startEmbeddedRedis(options: EmbeddedRedisOptions): Promise<EmbeddedRedis> {
  const { clock, binary = 'redis-server' } = options;
  const logger = options.logger.child({ component: 'embedded-redis' });
  const dir = resolve(options.dir);
  await makeDirectory(dir, 0o700);
  const socket = await socketPath(dir, 'redis.sock');
  await claimDirectory(dir, (pid) => `Cannot use "${dir}": process ${pid} runs Redis there`);
  await stopStaleServer({ dir, socket, clock, logger });
  const stopping = createAbort();
  const server = { binary, dir, socket, clock };
  /** The server that runs now. */
  const held: Held = { process: undefined };
  try {
    held.process = await startRedisProcess(server, stopping.signal);
  } catch (error) {
    await releaseDirectory(dir);
    throw error;
  }
  logger.debug({ dir, pid: held.process.child.process.pid }, 'redis-server is ready');
  const supervising = supervise(held, server, logger, stopping.signal);

  return {
    url: `unix://${encodeURI(socket)}`,
    socket,
    get pid() {
      return held.process?.child.process.pid;
    },
    async [Symbol.asyncDispose]() {
      if (stopping.signal.aborted) return supervising;
      stopping.abort();
      if (held.process) await end(held.process, clock);
      await supervising;
      await rm(socket, { force: true });
      await releaseDirectory(dir);
    },
  };
}

interface Held {
  process: RedisProcess | undefined;
}

/** Keeps a server running until told to stop. */
async function supervise(
  held: Held,
  options: RedisProcessOptions,
  logger: Logger,
  stopping: AbortSignal,
): Promise<void> {
  const { clock } = options;
  let failures = 0;
  while (!stopping.aborted) {
    try {
      held.process ??= await startRedisProcess(options, stopping);
      if (stopping.aborted) held.process.child.end('SIGTERM');
      const { exited, startedAt } = held.process;
      const output = await exited;
      if (stopping.aborted) return;
      held.process = undefined;
      if (clock.now() - startedAt > STABLE_MS) failures = 0;
      logger.error({ output: lastLine(output) }, 'redis-server ended unexpectedly; starting it again');
    } catch (error) {
      if (stopping.aborted) return;
      logger.error({ error }, 'Cannot start redis-server again');
    }
    failures += 1;
    await sleep(clock, backoffDelayMs(RESTART, failures), stopping);
  }
}

/** SIGTERM, and SIGKILL for a server that does not go. */
async function end({ child, exited }: RedisProcess, clock: Clock): Promise<void> {
  child.end('SIGTERM');
  const gone = createAbort();
  const timeout = sleep(clock, STOP_TIMEOUT_MS, gone.signal).then(() => {
    if (!gone.signal.aborted) child.end();
  });
  await exited;
  gone.abort();
  await timeout;
}
