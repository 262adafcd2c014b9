import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ensurePrivateFile } from '../../src/base/private-file.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'symphony-private-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

describe('a private file that several make at once', () => {
  it('holds what the first one made, and that is what all are given', async () => {
    const path = join(directory, 'below', 'key');
    const given = await Promise.all(
      Array.from({ length: 6 }, (_, index) => ensurePrivateFile(path, () => `made by ${index}`)),
    );
    expect(new Set(given)).toEqual(new Set([await readFile(path, 'utf8')]));
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readdir(join(directory, 'below'))).toEqual(['key']);
  });

  it('is not made again', async () => {
    const path = join(directory, 'key');
    await ensurePrivateFile(path, () => 'first');
    expect(await ensurePrivateFile(path, () => Promise.reject(new Error('made again')))).toBe('first');
  });
});
