import { mkdir, mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeDirectory } from '../../src/base/make-directory.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'symphony-directory-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const modeOf = async (path: string): Promise<number> => (await stat(path)).mode & 0o777;

describe('a directory', () => {
  it('is made with those above it, by several at once', async () => {
    const path = join(directory, 'a', 'b', 'c');
    await Promise.all(Array.from({ length: 8 }, () => makeDirectory(path, 0o700)));
    expect(await modeOf(path)).toBe(0o700);
    expect(await modeOf(join(directory, 'a'))).toBe(0o700);
  });

  it('is made though another makes the one above between two steps', async () => {
    for (let round = 0; round < 50; round += 1) {
      const above = join(directory, String(round));
      const made = makeDirectory(join(above, 'x'), 0o700);
      await mkdir(above).catch(() => undefined);
      await made;
      expect(await modeOf(join(above, 'x'))).toBe(0o700);
    }
  });

  it('that is there stays as it is, behind a link as well', async () => {
    await mkdir(join(directory, 'real'), { mode: 0o755 });
    await symlink('real', join(directory, 'link'));
    await makeDirectory(join(directory, 'link'), 0o700);
    expect(await modeOf(join(directory, 'real'))).toBe(0o755);
    await makeDirectory(join(directory, 'link', 'below'), 0o700);
    expect(await modeOf(join(directory, 'real', 'below'))).toBe(0o700);
  });

  it.each([
    ['in a file system without directories', () => '/proc/x', 'ENOENT'],
    ['far below such a file system', () => '/proc/x/y/z', 'ENOENT'],
    ['below a device', () => '/dev/null/x/y', 'ENOTDIR'],
    ['below a file', () => join(directory, 'file', 'x'), 'ENOTDIR'],
    ['in place of a file', () => join(directory, 'file'), 'EEXIST'],
    ['below a link that leads nowhere', () => join(directory, 'dangling', 'x'), 'EEXIST'],
    ['with a name that is too long', () => join(directory, 'x'.repeat(300), 'y'), 'ENAMETOOLONG'],
  ])('cannot be made %s, which ends at once', async (_where, path, code) => {
    await writeFile(join(directory, 'file'), '');
    await symlink('nowhere', join(directory, 'dangling'));
    await expect(makeDirectory(path(), 0o700)).rejects.toMatchObject({ code });
  });
});
