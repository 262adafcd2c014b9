/**
 * One process at a time: the one that makes the lock file holds the lock. A lock that stays for
 * longer than a few small files take was left by a killed process, and is taken over. Time is
 * measured by the clock of the process that waits.
 */
import { link, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { makeDirectory } from './make-directory.ts';
import { uninterrupted } from './abort.ts';
import { type Clock, sleep } from './clock.ts';
import { readIfThere } from './private-file.ts';
import { secretToken } from './rng.ts';

/** Far longer than a small file takes to be written, even on a slow network disk. */
const ABANDONED_AFTER_MS = 5_000;
const POLL_MS = 20;

export async function withFileLock<T>(path: string, clock: Clock, task: () => Promise<T>): Promise<T> {
  const own = secretToken(12);
  await makeDirectory(dirname(path), 0o700);
  let seen: { readonly holder: string; readonly sinceMs: number } | undefined;
  while (!(await make(path, own))) {
    const holder = await readIfThere(path);
    if (holder === undefined) continue;
    if (seen?.holder !== holder) seen = { holder, sinceMs: clock.now() };
    else if (clock.now() - seen.sinceMs >= ABANDONED_AFTER_MS) await takeAway(path, holder);
    await sleep(clock, POLL_MS, uninterrupted);
  }
  try {
    return await task();
  } finally {
    if ((await readIfThere(path)) === own) await rm(path, { force: true });
  }
}

/** Under its own name first: a lock carries the mark of its holder from the beginning. */
async function make(path: string, own: string): Promise<boolean> {
  const temporary = `${path}.${own}`;
  const file = await open(temporary, 'wx', 0o600);
  try {
    await file.writeFile(own);
  } finally {
    await file.close();
  }
  try {
    await link(temporary, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return false;
  } finally {
    await rm(temporary, { force: true });
  }
}

/** Only one of those that wait moves the file away. A lock that was made meanwhile is put back. */
async function takeAway(path: string, holder: string): Promise<void> {
  const aside = `${path}.${secretToken(6)}`;
  try {
    await rename(path, aside);
    if ((await readIfThere(aside)) !== holder) await link(aside, path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT' && code !== 'EEXIST') throw error;
  } finally {
    await rm(aside, { force: true });
  }
}
