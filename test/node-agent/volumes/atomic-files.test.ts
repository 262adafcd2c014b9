/**
 * The writer of configuration volumes against a container that may write into them, as those of
 * older agents may.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, readlink, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { writeFilesAtomically } from '../../../src/node-agent/volumes/atomic-files.ts';
import type { AtomicFilesOptions } from '../../../src/node-agent/volumes/data-directory.ts';
import { type FileCalls, diskCalls } from '../../../src/node-agent/volumes/file-calls.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

let dir = '';
let root = '';
let outside = '';
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'symphony-atomic-'));
  root = join(dir, 'volume');
  outside = join(dir, 'outside');
  await mkdir(join(outside, 'sub'), { recursive: true });
  await writeFile(join(outside, 'a'), 'precious');
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const file = (path: string, text: string) => ({ path, mode: 0o644, content: Buffer.from(text) });
const write = (files: readonly ReturnType<typeof file>[], options: Partial<AtomicFilesOptions> = {}) =>
  writeFilesAtomically(root, files, { clock: createFakeClock(), calls: diskCalls, ...options });

/** Runs `before` ahead of the call with this number. */
function callsWith(number: number, before: () => void): { readonly calls: FileCalls; count(): number } {
  let count = 0;
  const calls = Object.fromEntries(
    Object.entries(diskCalls).map(([name, call]) => [
      name,
      async (...args: unknown[]) => {
        if (count === number) before();
        count += 1;
        return (call as (...all: unknown[]) => unknown)(...args);
      },
    ]),
  ) as unknown as FileCalls;
  return { calls, count: () => count };
}

/**
 * Puts links to what is outside in the place of every directory and file of the volume, the deepest
 * first.
 */
function swapAll(names: readonly string[]): void {
  for (const name of names) {
    const path = join(root, name);
    if (!existsSync(path)) continue;
    rmSync(`${path}-kept`, { recursive: true, force: true });
    renameSync(path, `${path}-kept`);
    symlinkSync(name.endsWith('a') ? join(outside, 'a') : outside, path);
  }
}

it('writes and removes nothing outside, whenever links take the place of its directories', async () => {
  const next = '..2026_01_01_00_00_00.00000000';
  const names = [0, 1].flatMap((count) => [`${next}${count}/sub`, `${next}${count}/a`, `${next}${count}`]);
  const probe = callsWith(-1, () => undefined);
  const clock = { ...createFakeClock(), now: () => Date.parse('2026-01-01T00:00:00Z') };
  await write([file('a', '1'), file('sub/b', '2')], { calls: probe.calls, clock });
  expect(probe.count()).toBeGreaterThan(20);
  for (let number = 0; number < probe.count() * 2; number += 1) {
    await rm(root, { recursive: true, force: true });
    await write([file('a', '1'), file('sub/b', '2')], { clock });
    const { calls } = callsWith(number, () => swapAll(names));
    await write([file('a', 'changed'), file('sub/b', 'changed')], { calls, clock }).catch(() => undefined);
    expect(await readFile(join(outside, 'a'), 'utf8')).toBe('precious');
    expect((await stat(outside)).mode & 0o777).toBe(0o755);
    expect((await readdir(outside)).sort()).toEqual(['a', 'sub']);
    expect(await readdir(join(outside, 'sub'))).toEqual([]);
  }
});

it('repairs a volume whose ..data leads out', async () => {
  await write([file('a', '1')]);
  await rm(join(root, '..data'));
  await symlink(outside, join(root, '..data'));
  expect(await write([file('a', '1')])).toBe(true);
  expect(await readFile(join(root, 'a'), 'utf8')).toBe('1');
  expect(await readFile(join(outside, 'a'), 'utf8')).toBe('precious');
});

it('does not wait for a pipe in the place of a file', async () => {
  await write([file('a', '1')]);
  await rm(join(root, '..data/a'));
  spawnSync('mkfifo', [join(root, '..data/a')]);
  expect(await write([file('a', '1')])).toBe(true);
  expect(await readFile(join(root, 'a'), 'utf8')).toBe('1');
});

it('keeps the places where containers mount something inside it', async () => {
  const mountPoints = ['a', 'in/side', 'x'];
  await write([file('a', '1')], { mountPoints });
  await write([file('a', '2')], { mountPoints });
  expect((await readdir(root)).filter((name) => !name.startsWith('..')).sort()).toEqual(['a', 'in', 'x']);
  expect((await stat(join(root, 'in/side'))).isDirectory()).toBe(true);
  expect(await readlink(join(root, 'a'))).toBe('..data/a');
  await write([file('a', '2')]);
  expect((await readdir(root)).filter((name) => !name.startsWith('..'))).toEqual(['a']);
});

it('leaves one directory at most on a disk that takes nothing, and none when it does again', async () => {
  const full: FileCalls = {
    ...diskCalls,
    writeFile: async () => {
      throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    },
  };
  const directories = async (): Promise<readonly string[]> =>
    (await readdir(root)).filter((name) => name.startsWith('..2'));
  for (let tries = 0; tries < 3; tries += 1)
    await expect(write([file('b', 'new')], { calls: full })).rejects.toThrow('ENOSPC');
  expect(await directories()).toHaveLength(1);
  await write([file('b', 'new')]);
  expect(await directories()).toEqual([await readlink(join(root, '..data'))]);
});
