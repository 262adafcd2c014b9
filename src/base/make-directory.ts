/**
 * Makes a directory and those above it. Node's own recursive `mkdir` never ends where the system
 * says ENOENT below a directory that exists, as /proc does. Here each level is tried at most twice.
 */
import { mkdir, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

/** Throws the system's error of the directory that cannot be made. */
export async function makeDirectory(path: string, mode: number): Promise<void> {
  const absolute = resolve(path);
  try {
    await mkdir(absolute, { mode });
  } catch (error) {
    if (await isDirectory(absolute)) return;
    const above = dirname(absolute);
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT' || above === absolute) throw error;
    await makeDirectory(above, mode);
    await makeLast(absolute, mode);
  }
}

/** The directory above is there by now; another caller may have made the rest as well. */
async function makeLast(path: string, mode: number): Promise<void> {
  try {
    await mkdir(path, { mode });
  } catch (error) {
    if (!(await isDirectory(path))) throw error;
  }
}

const isDirectory = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
