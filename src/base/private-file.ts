/** Files of keys and tokens: mode 0600 from the first byte, made or replaced as a whole. */
import { link, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { makeDirectory } from './make-directory.ts';
import { secretToken } from './rng.ts';

export async function writePrivateFile(path: string, content: string): Promise<void> {
  const temporary = await writeBeside(path, content);
  try {
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Makes the file unless it is there, and gives its content. The first of several makers wins. */
export async function ensurePrivateFile(path: string, make: () => string | Promise<string>): Promise<string> {
  const existing = await readIfThere(path);
  if (existing !== undefined) return existing;
  const temporary = await writeBeside(path, await make());
  try {
    // A link, unlike a rename, never replaces what somebody else has put there.
    await link(temporary, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    await rm(temporary, { force: true });
  }
  return await readFile(path, 'utf8');
}

/** Undefined where there is no such file. */
export async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function writeBeside(path: string, content: string): Promise<string> {
  await makeDirectory(dirname(path), 0o700);
  const temporary = `${path}.${secretToken(6)}`;
  try {
    await using file = await open(temporary, 'wx', 0o600);
    await file.writeFile(content);
    await file.sync();
  } catch (error) {
    // On a full disk, each try would leave one.
    await rm(temporary, { force: true });
    throw error;
  }
  return temporary;
}
