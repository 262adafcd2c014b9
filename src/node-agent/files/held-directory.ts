/**
 * Directories held open by a descriptor. A name is then resolved in the directory that was opened,
 * whatever happens to its path meanwhile. Node has no openat; on Linux the path
 * `/proc/self/fd/N/name` is one.
 *
 * Everything the agent does inside a volume goes through here (ADR 12): a pod may replace any part
 * of a path with a symbolic link between two system calls. Callers use names of one component, and
 * calls that do not follow the last one.
 */
import { constants, type Stats } from 'node:fs';
import { chmod, type FileHandle, mkdir, open, readlink, realpath } from 'node:fs/promises';
import { goWords } from '../../base/go-words.ts';
import { withoutTrailing } from '../../base/text.ts';

/** Missing in Node's constants. Opens neither a pipe nor a device, and needs no right to read. */
const O_PATH = 0o10000000;
const HOLD_ANY = O_PATH | constants.O_NOFOLLOW;
export const HOLD_DIRECTORY = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
/** The kernel's limits for one path. It does not see them: each part is a call of its own. */
const MAX_LINKS = 40;
const MAX_PATH_BYTES = 4095;
/** A name may have thousands of characters. */
const MAX_SHOWN = 100;

export const isCode = (error: unknown, ...codes: readonly string[]): boolean =>
  codes.includes(String((error as { code?: unknown }).code));

/** An error of the system, in words about this file. Its own path would name a descriptor. */
export function aboutFile(name: string, error: unknown): unknown {
  const { code, message } = error as NodeJS.ErrnoException;
  if (!(error instanceof Error) || code === undefined || !message.startsWith(`${code}:`)) return error;
  const shown = name.length > MAX_SHOWN ? `${name.slice(0, MAX_SHOWN)}…` : name;
  return new Error(`"${shown}": ${goWords(Object.assign(new Error(message), { code }))}`, { cause: error });
}

/** A path that leads to what the descriptor holds, and nowhere else. */
export const heldPath = (fd: number): string => `/proc/self/fd/${fd}`;

/** `name` in a held directory. Throws on anything that is not the name of one entry. */
export function entryPath(fd: number, name: string): string {
  return `${heldPath(fd)}/${oneName(name)}`;
}

/** Names come from users. One that is no name of a single entry would lead elsewhere. */
export function oneName(name: string): string {
  if (name === '' || name === '.' || name === '..' || name.includes('/') || name.includes('\0'))
    throw new RangeError(`Cannot use "${name}" as the name of a file`);
  return name;
}

/** Something inside a volume, held. `handle` is of the thing itself, never of a link. */
export interface HeldEntry {
  readonly handle: FileHandle;
  readonly isDirectory: boolean;
  /** Where it was found: names below the volume, free of links. */
  readonly names: readonly string[];
}

/**
 * Opens `relative` below a volume. Links are followed by hand, and only inside the volume. A
 * missing directory is made with the mode of the volume, as the kubelet does. Throws for a path
 * that leads out of the volume. The caller closes the handle.
 */
export async function openInVolume(volumePath: string, relative: string): Promise<HeldEntry> {
  if (Buffer.byteLength(relative) > MAX_PATH_BYTES)
    throw new Error(`the path has more than ${MAX_PATH_BYTES} bytes`);
  const volume = await realpath(volumePath);
  const root = await open(volume, O_PATH | constants.O_DIRECTORY);
  try {
    return await walk({ root, volume, mode: (await root.stat()).mode & 0o7777 }, relative);
  } finally {
    await root.close();
  }
}

interface Walk {
  readonly root: FileHandle;
  readonly volume: string;
  readonly mode: number;
}

async function walk({ root, volume, mode }: Walk, relative: string): Promise<HeldEntry> {
  const refuse = (): never => {
    throw new Error(`"${relative}" leads out of the volume`);
  };
  const startAtRoot = (): Promise<FileHandle> => open(`${heldPath(root.fd)}/.`, HOLD_ANY);
  let pending = partsOf(relative);
  let names: string[] = [];
  let links = 0;
  let current = await startAtRoot();
  try {
    for (let name = pending.shift(); name !== undefined; name = pending.shift()) {
      const next = name === '..' ? undefined : await openOrMake(current, name, mode);
      if (next && !next.stats.isSymbolicLink()) {
        await current.close();
        current = next.handle;
        names.push(name);
        continue;
      }
      await next?.handle.close();
      if (name === '..') {
        if (names.length === 0) refuse();
        pending = [...names.slice(0, -1), ...pending];
      } else {
        links += 1;
        if (links > MAX_LINKS) throw new Error(`"${relative}" has too many symbolic links`);
        const target = await readlink(entryPath(current.fd, name));
        const inside = target.startsWith('/') ? withinVolume(volume, target) : [...names, ...partsOf(target)];
        pending = [...(inside ?? refuse()), ...pending];
      }
      // From the top, so that only one directory is open at a time; each part is checked again.
      names = [];
      const top = await startAtRoot();
      await current.close();
      current = top;
    }
    return { handle: current, isDirectory: (await current.stat()).isDirectory(), names };
  } catch (error) {
    await current.close();
    throw error;
  }
}

const partsOf = (path: string): string[] => path.split('/').filter((part) => part !== '' && part !== '.');

function withinVolume(volume: string, target: string): string[] | undefined {
  const prefix = `${withoutTrailing(volume, '/')}/`;
  return `${target}/`.startsWith(prefix) ? partsOf(target.slice(prefix.length)) : undefined;
}

async function openOrMake(
  parent: FileHandle,
  name: string,
  mode: number,
): Promise<{ readonly handle: FileHandle; readonly stats: Stats }> {
  const path = entryPath(parent.fd, name);
  let made = false;
  let handle: FileHandle;
  try {
    handle = await open(path, HOLD_ANY);
  } catch (error) {
    if (!isCode(error, 'ENOENT')) throw error;
    made = await makeDirectory(path, mode);
    handle = await open(path, HOLD_ANY);
  }
  try {
    const stats = await handle.stat();
    // The umask has cut the mode of mkdir.
    if (made && stats.isDirectory()) await chmod(heldPath(handle.fd), mode);
    return { handle, stats };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function makeDirectory(path: string, mode: number): Promise<boolean> {
  try {
    await mkdir(path, { mode });
    return true;
  } catch (error) {
    if (isCode(error, 'EEXIST')) return false;
    throw error;
  }
}
