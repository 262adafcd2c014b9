/**
 * Git servers that never end cost bounded memory and time, and leave no process and no file behind.
 */
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { countChildren } from '../../../src/base/child-processes/child-process.ts';
import { systemClock } from '../../../src/base/clock.ts';
import { TransientError, UserError } from '../../../src/base/errors.ts';
import { silentLogger } from '../../../src/base/logger.ts';
import { type GitMirrorLimits, createGitMirror } from '../../../src/sync/git/git-mirror.ts';
import { createGit } from '../../../src/sync/git/git-process.ts';
import type { GitMirror } from '../../../src/sync/git/types.ts';
import {
  type HostileGitServer,
  type Hostility,
  startHostileGitServer,
} from '../../support/hostile-git-server.ts';
import { processesWith, until } from '../../support/processes.ts';

const MIB = 1024 * 1024;
const opened: AsyncDisposable[] = [];
let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'symphony-hostile-'));
});
afterEach(async () => {
  for (const resource of opened.splice(0).reverse()) await resource[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

async function open(
  hostility: Hostility,
  limits: GitMirrorLimits,
): Promise<{ server: HostileGitServer; mirror: GitMirror }> {
  const server = await startHostileGitServer(hostility);
  opened.push(server);
  const mirror = createGitMirror({
    url: server.url,
    directory,
    clock: systemClock,
    logger: silentLogger,
    allowFile: false,
    environment: { PATH: process.env['PATH'] ?? '' },
    limits,
  });
  opened.push(mirror);
  return { server, mirror };
}

/** Fetches, and says how it ended and how much memory its processes had at most. */
async function fetchWatched(
  mirror: GitMirror,
  signal = new AbortController().signal,
): Promise<{ error: unknown; peakBytes: number }> {
  let peakBytes = 0;
  const watch = setInterval(() => {
    const total = processesWith(directory).reduce((sum, { residentBytes }) => sum + residentBytes, 0);
    peakBytes = Math.max(peakBytes, total);
  }, 20);
  try {
    await mirror.fetch(signal);
    throw new Error('the fetch came to an end');
  } catch (error) {
    return { error, peakBytes };
  } finally {
    clearInterval(watch);
  }
}

const living = (): number =>
  countChildren().reduce((sum, child) => (child.purpose === 'git' ? sum + child.living : sum), 0);

describe.each(['refs-v0', 'refs-v2'] as const)('a server with endless refs (%s)', (hostility) => {
  it('is refused when its limit of memory is reached, and its helpers end', async () => {
    const { mirror } = await open(hostility, { process: { memoryBytes: 96 * MIB } });
    const { error, peakBytes } = await fetchWatched(mirror);
    expect(error).toBeInstanceOf(UserError);
    expect(String(error)).toContain('larger than the limits');
    expect(peakBytes).toBeLessThan(300 * MIB);
    await until(() => processesWith(directory).length === 0);
    expect(living()).toBe(0);
  });
});

describe('a server with an endless pack', () => {
  it('is refused when the largest file is reached, and leaves no part of it on disk', async () => {
    const { mirror } = await open('pack', { process: { fileBytes: 32 * MIB } });
    const { error, peakBytes } = await fetchWatched(mirror);
    expect(error).toBeInstanceOf(UserError);
    expect(peakBytes).toBeLessThan(300 * MIB);
    await until(() => processesWith(directory).length === 0);
    const objects = join(directory, 'mirror.git', 'objects');
    expect(await readdir(join(objects, 'pack'))).toEqual([]);
    expect((await readdir(objects)).filter((name) => name.startsWith('tmp'))).toEqual([]);
  });
});

describe('a server with endless messages', () => {
  it('is refused once it has said too much', async () => {
    const { mirror } = await open('messages', {});
    const { error, peakBytes } = await fetchWatched(mirror);
    expect(error).toBeInstanceOf(UserError);
    expect(String(error)).toContain('prints more than');
    expect(peakBytes).toBeLessThan(300 * MIB);
    await until(() => processesWith(directory).length === 0);
  });
});

describe('a server that redirects in a circle', () => {
  it('is asked once', async () => {
    const { server, mirror } = await open('redirects', {});
    const { error } = await fetchWatched(mirror);
    expect(String(error)).toContain('Cannot fetch');
    expect(server.requests.length).toBe(1);
  });
});

describe.each(['trickle', 'silence', 'silence-in-pack', 'pack', 'refs-v2'] as const)(
  'a server that does not end (%s)',
  (hostility) => {
    it('loses the whole group of processes at the time-out, and each retry starts after the end of the one before', async () => {
      const { mirror } = await open(hostility, { fetchTimeoutMs: 400 });
      for (let attempt = 0; attempt < 3; attempt += 1) {
        const { error } = await fetchWatched(mirror);
        expect(error).toBeInstanceOf(TransientError);
        // The end is awaited, not only asked for.
        expect(processesWith(directory).map(({ command }) => command)).toEqual([]);
      }
    });

    it('loses it when the caller does not want it any more', async () => {
      const { server, mirror } = await open(hostility, {});
      const stop = new AbortController();
      const ended = fetchWatched(mirror, stop.signal);
      await until(() => server.requests.length > 0);
      await until(() => processesWith(directory).length > 2);
      stop.abort();
      expect((await ended).error).toBeInstanceOf(Error);
      expect(processesWith(directory).map(({ command }) => command)).toEqual([]);
    });
  },
);

describe('a git that is killed', () => {
  it('is never taken for one that had nothing more to say', async () => {
    await writeFile(join(directory, 'launcher'), 'printf "half of a list"; kill -KILL $$\n');
    const git = createGit(directory, join(directory, 'launcher'), { PATH: '/usr/bin:/bin' });
    await expect(git('ls-tree')).rejects.toThrow('said nothing');
  });
});
