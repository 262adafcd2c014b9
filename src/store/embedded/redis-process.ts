/** One redis-server process: how it is started, and when it serves. */
import { join } from 'node:path';
import { type Child, startChild } from '../../base/child-processes/child-process.ts';
import { type Clock, sleep } from '../../base/clock.ts';
import { errorMessage, UserError } from '../../base/errors.ts';
import { pingSocket } from './embedded-owner.ts';

export interface RedisProcess {
  readonly child: Child;
  readonly startedAt: number;
  /** Resolves with the end of its output once the process is gone. */
  readonly exited: Promise<string>;
}

export interface RedisProcessOptions {
  readonly binary: string;
  readonly dir: string;
  readonly socket: string;
  readonly clock: Clock;
}

/** Reading a large append-only file takes its time; nothing is served before. */
const START_TIMEOUT_MS = 120_000;
const POLL_MS = 25;
/**
 * Rounds of Redis' own upkeep per second, 10 by default. Each costs some 0.1 ms, also at rest. A
 * wait may time out later by one round.
 */
const UPKEEP_HZ = 5;
const OUTPUT_TAIL_CHARS = 4_000;

/** Starts a server and waits until it serves. Throws UserError where it cannot start. */
export async function startRedisProcess(
  options: RedisProcessOptions,
  stopping: AbortSignal,
): Promise<RedisProcess> {
  const { binary, socket, clock } = options;
  const started = await launch(options);
  let output: string | undefined;
  void started.exited.then((text) => {
    output = text;
  });
  const deadline = clock.now() + START_TIMEOUT_MS;
  while (!(await pingSocket(socket))) {
    if (output !== undefined) throw startError(binary, output);
    if (stopping.aborted) {
      started.child.end('SIGTERM');
      await started.exited;
      throw new Error(`Cannot start ${binary}: it is no longer wanted`);
    }
    if (clock.now() > deadline) {
      started.child.end();
      throw new UserError(`Cannot start ${binary}: it does not serve after ${START_TIMEOUT_MS} ms`);
    }
    await sleep(clock, POLL_MS, stopping);
  }
  return started;
}

async function launch({ binary, dir, socket, clock }: RedisProcessOptions): Promise<RedisProcess> {
  const child = await startChild('redis', binary, serverArguments(dir, socket), {
    cwd: dir,
    deathSignal: 'TERM',
  });
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

/** No TCP port and no limit of memory: a store that cannot grow loses writes. */
function serverArguments(dir: string, socket: string): string[] {
  return [
    ['--port', '0'],
    ['--unixsocket', socket],
    ['--unixsocketperm', '700'],
    ['--dir', dir],
    ['--save', ''],
    ['--appendonly', 'yes'],
    ['--appendfsync', 'everysec'],
    ['--maxmemory-policy', 'noeviction'],
    ['--hz', String(UPKEEP_HZ)],
    ['--pidfile', join(dir, 'redis.pid')],
  ].flat();
}

function startError(binary: string, output: string): Error {
  // A program that was to become the server says the second.
  if (/ENOENT|failed to execute/.test(output)) {
    return new UserError(
      `Cannot start ${binary}: it is not installed; install the package redis-server, or name a server with --redis-url`,
    );
  }
  return new UserError(`Cannot start ${binary}: ${lastLine(output)}`);
}

export function lastLine(output: string): string {
  return output.trimEnd().split('\n').at(-1) ?? '';
}
