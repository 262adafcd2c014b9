import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { withFileLock } from '../../src/base/file-lock.ts';
import { createFakeClock } from '../support/fake-clock.ts';

let directory: string;
let path: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'symphony-lock-'));
  path = join(directory, 'table.lock');
});
afterEach(() => rm(directory, { recursive: true, force: true }));

describe('the lock of a file', () => {
  it('lets one task in at a time, each of them in the end, and leaves nothing behind', async () => {
    let inside = 0;
    let most = 0;
    const task = async (): Promise<void> => {
      inside += 1;
      most = Math.max(most, inside);
      await readdir(directory);
      inside -= 1;
    };
    await Promise.all(Array.from({ length: 8 }, () => withFileLock(path, systemClock, task)));
    expect(most).toBe(1);
    expect(await readdir(directory)).toEqual([]);
  });

  it('is let go by a task that fails', async () => {
    const failing = withFileLock(path, systemClock, () => Promise.reject(new Error('no space')));
    await expect(failing).rejects.toThrow('no space');
    expect(await withFileLock(path, systemClock, async () => 'in')).toBe('in');
  });

  it('is taken over from a process that was killed, and only once it has been the same for long', async () => {
    await writeFile(path, 'whoever was killed');
    const clock = createFakeClock();
    const beganAt = clock.now();
    let enteredAt = 0;
    const waiting = withFileLock(path, clock, async () => {
      enteredAt = clock.now();
    });
    const isIn = { done: false };
    void waiting.then(() => {
      isIn.done = true;
    });
    while (!isIn.done) await clock.advance(100);
    expect(enteredAt - beganAt).toBeGreaterThanOrEqual(5_000);
    expect(await readdir(directory)).toEqual([]);
  });
});
