import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { startEmbeddedRedis } from '../../src/store/embedded/embedded-redis.ts';
import { createRedisStore } from '../../src/store/redis/redis-store.ts';
import { anObject } from '../contracts/store.ts';

let root: string;
let dir: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'symphony-embedded-'));
  dir = join(root, 'redis');
});
afterEach(() => rm(root, { recursive: true, force: true }));

const start = (at = dir) => startEmbeddedRedis({ dir: at, clock: systemClock, logger: silentLogger });
const open = (url: string) => createRedisStore({ url, logger: silentLogger });
const op = { type: 'create', resource: 'configmaps', key: 'default/a', object: anObject('a') } as const;

/** A zombie, which nobody in a container may reap, has no command line. */
const isAlive = (pid: number): boolean => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`).length > 0;
  } catch {
    return false;
  }
};

it('serves on a private socket, and keeps its data over a clean restart', async () => {
  const first = await start();
  expect((await stat(dir)).mode & 0o777).toBe(0o700);
  expect((await stat(first.socket)).mode & 0o777).toBe(0o700);
  const store = await open(first.url);
  await store.setClusterState({ epoch: 'e', phase: 'normal' }, undefined);
  await store.commit([op]);
  await store[Symbol.asyncDispose]();
  const pid = first.pid ?? 0;
  await first[Symbol.asyncDispose]();
  expect(isAlive(pid)).toBe(false);

  const second = await start();
  const again = await open(second.url);
  expect(await again.get('configmaps', 'default/a')).toMatchObject(anObject('a'));
  await again[Symbol.asyncDispose]();
  await second[Symbol.asyncDispose]();
});

it('is started again when it dies', async () => {
  const redis = await start();
  const store = await open(redis.url);
  await store.setClusterState({ epoch: 'e', phase: 'normal' }, undefined);
  const pid = redis.pid ?? 0;
  process.kill(pid, 'SIGKILL');
  while (redis.pid === pid || redis.pid === undefined)
    await new Promise((resolve) => setTimeout(resolve, 10));
  expect(isAlive(redis.pid)).toBe(true);
  await store[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
});

it('refuses a directory that another living process owns', async () => {
  const owner = join(import.meta.dirname, '../support/embedded-redis-owner.ts');
  const child = spawn(process.execPath, ['--import', 'tsx', owner, dir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  await expect(start()).rejects.toThrow(`process ${child.pid} runs Redis there`);
  child.kill('SIGTERM');
  await once(child, 'exit');
  const redis = await start();
  await redis[Symbol.asyncDispose]();
});

it('ends when its owner is killed, and an owner that comes at once keeps the data', async () => {
  const owner = join(import.meta.dirname, '../support/embedded-redis-owner.ts');
  const child = spawn(process.execPath, ['--import', 'tsx', owner, dir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const orphan = Number(line.toString());
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;

  const redis = await start();
  expect(redis.pid).not.toBe(orphan);
  expect(isAlive(orphan)).toBe(false);
  const store = await open(redis.url);
  expect(await store.get('configmaps', 'default/a')).toMatchObject(anObject('a'));
  await store[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
});

it('does not outlive an owner that was killed', async () => {
  const owner = join(import.meta.dirname, '../support/embedded-redis-owner.ts');
  const child = spawn(process.execPath, ['--import', 'tsx', owner, dir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  child.kill('SIGKILL');
  while (isAlive(Number(line.toString()))) await new Promise((resolve) => setTimeout(resolve, 10));
});

it('works in a directory whose path is too long for a socket', async () => {
  const deep = join(root, 'x'.repeat(100), 'redis');
  await mkdir(deep, { recursive: true });
  const redis = await start(deep);
  const store = await open(redis.url);
  expect(await store.clusterState()).toBeUndefined();
  await store[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
});

it('says what to install when there is no redis-server', async () => {
  const missing = startEmbeddedRedis({
    dir,
    clock: systemClock,
    logger: silentLogger,
    binary: 'no-such-redis',
  });
  await expect(missing).rejects.toThrow('not installed');
});
