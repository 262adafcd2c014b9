/**
 * One living process owns a directory: `owner.json` names it by pid and start time, as pids are
 * used again. A process that was killed owns nothing any more.
 */
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readOrEmpty, startTimeOf } from './child-processes/process-identity.ts';
import { systemClock } from './clock.ts';
import { UserError } from './errors.ts';
import { withFileLock } from './file-lock.ts';
import { isRecord, parsedJson } from './json.ts';

const OWNER_FILE = 'owner.json';

/** The pid of the process that has claimed the directory and still runs. */
export async function livingOwnerOf(directory: string): Promise<number | undefined> {
  const owner = parseOwner(await readOrEmpty(join(directory, OWNER_FILE)));
  return owner && owner.startTime === (await startTimeOf(owner.pid)) ? owner.pid : undefined;
}

/** Makes the directory. Throws UserError while another living process owns it. */
export async function claimDirectory(directory: string, problem: (pid: number) => string): Promise<void> {
  await withFileLock(join(directory, `${OWNER_FILE}.lock`), systemClock, async () => {
    const living = await livingOwnerOf(directory);
    if (living !== undefined && living !== process.pid) throw new UserError(problem(living));
    const owner = { pid: process.pid, startTime: await startTimeOf(process.pid) };
    await writeFile(join(directory, OWNER_FILE), `${JSON.stringify(owner)}\n`, { mode: 0o600 });
  });
}

export async function releaseDirectory(directory: string): Promise<void> {
  await rm(join(directory, OWNER_FILE), { force: true });
}

function parseOwner(text: string): { readonly pid: number; readonly startTime: string } | undefined {
  // It is no JSON where the writer was killed half way.
  const value = parsedJson(text);
  if (!isRecord(value)) return undefined;
  const { pid, startTime } = value;
  return typeof pid === 'number' && typeof startTime === 'string' ? { pid, startTime } : undefined;
}
