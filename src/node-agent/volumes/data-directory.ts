/**
 * One set of files in a directory of its own, inside a volume: written once, and from then on only
 * compared. Every directory is held open and no link is followed (files/held-directory.ts).
 */
import { constants } from 'node:fs';
import type { Clock } from '../../base/clock.ts';
import { entryPath, heldPath, HOLD_DIRECTORY, isCode } from '../files/held-directory.ts';
import type { FileCalls } from './file-calls.ts';
import type { VolumeFile } from './volume-files.ts';

const READ_BITS = 0o440;
export const DIRECTORY_MODE = 0o755;
const CREATE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
const READ = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

export interface AtomicFilesOptions {
  readonly clock: Clock;
  readonly calls: FileCalls;
  readonly groupId?: number | undefined;
  /** Mount points inside the volume; a container could not make them in a read-only volume. */
  readonly mountPoints?: readonly string[];
}

export interface Volume extends AtomicFilesOptions {
  readonly path: string;
  /** Holds the volume's directory. */
  readonly fd: number;
}

/** With a group the files become readable to it, as the kubelet does for read-only volumes. */
const modeOf = (file: VolumeFile, groupId: number | undefined): number =>
  groupId === undefined ? file.mode : file.mode | READ_BITS;

/** Calls `use` with the held directory that `parts` lead to, below the held directory `from`. */
export async function within<T>(
  calls: FileCalls,
  from: number,
  parts: readonly string[],
  use: (fd: number) => Promise<T>,
  enter: (parent: number, name: string) => Promise<number> = (parent, name) =>
    calls.open(entryPath(parent, name), HOLD_DIRECTORY),
): Promise<T> {
  const [first, ...rest] = parts;
  if (first === undefined) return use(from);
  const fd = await enter(from, first);
  try {
    return await within(calls, fd, rest, use, enter);
  } finally {
    await calls.close(fd);
  }
}

const split = (path: string): { readonly parents: readonly string[]; readonly name: string } => {
  const parts = path.split('/');
  return { parents: parts.slice(0, -1), name: parts.at(-1) ?? '' };
};

/** Opens or makes a directory, with the mode and group of the volume's directories. */
export const enterMade =
  ({ calls, groupId }: Volume) =>
  async (parent: number, name: string): Promise<number> => {
    const path = entryPath(parent, name);
    await calls.mkdir(path, DIRECTORY_MODE).catch((error: unknown) => {
      if (!isCode(error, 'EEXIST')) throw error;
    });
    const fd = await calls.open(path, HOLD_DIRECTORY);
    try {
      // The umask has cut the mode of mkdir.
      await calls.fchmod(fd, DIRECTORY_MODE);
      if (groupId !== undefined) await calls.fchown(fd, 0, groupId);
      return fd;
    } catch (error) {
      await calls.close(fd);
      throw error;
    }
  };

export async function writeAll(
  volume: Volume,
  directory: string,
  files: readonly VolumeFile[],
): Promise<void> {
  const enter = enterMade(volume);
  await within(
    volume.calls,
    volume.fd,
    [directory],
    async (top) => {
      for (const file of files) {
        const { parents, name } = split(file.path);
        await within(volume.calls, top, parents, (parent) => writeOne(volume, parent, name, file), enter);
      }
    },
    enter,
  );
}

async function writeOne(
  { calls, groupId }: Volume,
  parent: number,
  name: string,
  file: VolumeFile,
): Promise<void> {
  const fd = await calls.open(entryPath(parent, name), CREATE, 0o600);
  try {
    await calls.writeFile(fd, file.content);
    await calls.fchmod(fd, modeOf(file, groupId));
    const { userId } = file;
    if (groupId !== undefined || userId !== undefined) await calls.fchown(fd, userId ?? 0, groupId ?? 0);
  } finally {
    await calls.close(fd);
  }
}

/** Whether the directory has these files, and no others beside them. */
export async function holds(
  volume: Volume,
  directory: string,
  files: readonly VolumeFile[],
): Promise<boolean> {
  const { calls, fd } = volume;
  const wanted = new Map<string, Set<string>>([['', new Set()]]);
  for (const { path } of files) {
    for (let rest = path; rest !== ''; ) {
      const { parents, name } = split(rest);
      rest = parents.join('/');
      wanted.set(rest, (wanted.get(rest) ?? new Set()).add(name));
    }
  }
  try {
    return await within(calls, fd, [directory], async (top) => {
      for (const [parent, names] of wanted) {
        const parts = parent === '' ? [] : parent.split('/');
        const found = await within(calls, top, parts, (held) => calls.readdir(heldPath(held)));
        if (found.length !== names.size || found.some((name) => !names.has(name))) return false;
      }
      for (const file of files) if (!(await holdsOne(volume, top, file))) return false;
      return true;
    });
  } catch {
    return false;
  }
}

async function holdsOne({ calls, groupId }: Volume, top: number, file: VolumeFile): Promise<boolean> {
  const { parents, name } = split(file.path);
  return within(calls, top, parents, async (parent) => {
    const fd = await calls.open(entryPath(parent, name), READ);
    try {
      const stats = await calls.fstat(fd);
      const looksRight =
        stats.isFile() &&
        stats.size === file.content.length &&
        (stats.mode & 0o7777) === modeOf(file, groupId);
      return looksRight && (await calls.readFile(fd)).equals(file.content);
    } finally {
      await calls.close(fd);
    }
  });
}
