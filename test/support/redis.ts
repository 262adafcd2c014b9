/**
 * A private redis-server for a test: on a unix socket in a temporary directory, stopped with the
 * test. Nothing else on the machine is touched.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';

export interface TestRedis extends AsyncDisposable {
  readonly url: string;
  readonly socket: string;
  readonly dir: string;
  /** One command on a connection of its own. */
  command(name: string, ...args: (string | number)[]): Promise<unknown>;
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>;
  /** Starts the server again on its data. */
  restart(): Promise<void>;
  signal(signal: NodeJS.Signals): void;
}

export interface TestRedisOptions {
  /** Keeps an append-only file, synced with every write. */
  readonly durable?: boolean;
  readonly fsync?: 'always' | 'everysec';
  /** The data lies on a filesystem of this size, which takes root to make. */
  readonly diskMebibytes?: number;
  readonly config?: readonly string[];
}

export async function startTestRedis(options: TestRedisOptions = {}): Promise<TestRedis> {
  const dir = await mkdtemp(join(tmpdir(), 'symphony-redis-'));
  const socket = join(dir, 'redis.sock');
  const { diskMebibytes, fsync = 'always' } = options;
  const aof = options.durable ? ['--appendonly', 'yes', '--appendfsync', fsync] : ['--appendonly', 'no'];
  const mount = (...args: readonly string[]): void => void execFileSync(args[0] ?? '', args.slice(1));
  if (diskMebibytes !== undefined)
    mount('mount', '-t', 'tmpfs', '-o', `size=${diskMebibytes}m`, 'tmpfs', dir);
  let child: ChildProcess | undefined;
  let exited: Promise<void> = Promise.resolve();
  let admin: Redis | undefined;

  async function start(): Promise<void> {
    const args = ['--port', '0', '--unixsocket', socket, '--unixsocketperm', '700', '--dir', dir];
    const started = spawn('redis-server', [...args, '--save', '', ...aof, ...(options.config ?? [])], {
      stdio: 'ignore',
    });
    child = started;
    exited = new Promise((resolve, reject) => {
      started.once('exit', () => resolve());
      started.once('error', reject);
    });
    admin = new Redis({ path: socket, retryStrategy: () => 20, maxRetriesPerRequest: null, protocol: 2 });
    admin.on('error', () => undefined);
    await Promise.race([
      admin.ping(),
      exited.then(() => Promise.reject(new Error('Cannot start redis-server for a test: it ended at once'))),
    ]);
  }

  async function end(signal: NodeJS.Signals): Promise<void> {
    admin?.disconnect();
    child?.kill(signal);
    await exited;
  }

  await start();
  return {
    url: `unix://${socket}`,
    socket,
    dir,
    command: (name, ...args) => (admin as Redis).call(name, args),
    kill: () => end('SIGKILL'),
    restart: start,
    signal: (signal) => void child?.kill(signal),
    async [Symbol.asyncDispose]() {
      child?.kill('SIGCONT');
      await end('SIGKILL');
      if (diskMebibytes !== undefined) mount('umount', dir);
      await rm(dir, { recursive: true, force: true });
    },
  };
}
