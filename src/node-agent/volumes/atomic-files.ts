/**
 * Files of a configMap, secret, projected or downwardAPI volume, replaced all at once: they live in
 * a directory of their own, `..data` points to it, and every visible name points through `..data`.
 * A change makes a new directory and renames one link, so a reader sees the old set or the new one,
 * never a mixture (the layout of the kubelet's volumes, on which programs that watch their
 * configuration rely).
 *
 * Pods only read these volumes, but a container of an older agent may still write one. So every
 * directory is held open and no link is followed (files/held-directory.ts).
 */
import { constants } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { makeDirectory } from '../../base/make-directory.ts';
import type { Clock } from '../../base/clock.ts';
import { entryPath, heldPath, HOLD_DIRECTORY, isCode } from '../files/held-directory.ts';
import { removeTree } from '../files/remove-tree.ts';
import type { FileCalls } from './file-calls.ts';
import type { VolumeFile } from './plan-volumes.ts';

const DATA = '..data';
const DATA_NEXT = '..data_tmp';
const READ_BITS = 0o440;
const DIRECTORY_MODE = 0o755;
const CREATE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
const READ = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

export interface AtomicFilesOptions {
  readonly clock: Clock;
  readonly calls: FileCalls;
  readonly groupId?: number | undefined;
  /** Mount points inside the volume; a container could not make them in a read-only volume. */
  readonly mountPoints?: readonly string[];
}

/** Returns whether anything changed. A run after a crash repairs what was left. */
export async function writeFilesAtomically(
  root: string,
  files: readonly VolumeFile[],
  options: AtomicFilesOptions,
): Promise<boolean> {
  const { calls } = options;
  await makeDirectory(root, DIRECTORY_MODE);
  const volume: Volume = { ...options, path: root, fd: await calls.open(root, HOLD_DIRECTORY) };
  try {
    const current = await currentData(volume);
    const same = current !== undefined && (await holds(volume, current, files));
    if (!same) {
      const next = await freshName(volume);
      await writeAll(volume, next, files);
      await discard(volume, [DATA_NEXT]);
      await calls.symlink(next, entryPath(volume.fd, DATA_NEXT));
      await calls.rename(entryPath(volume.fd, DATA_NEXT), entryPath(volume.fd, DATA));
    }
    await linkNames(volume, files);
    await makeMountPoints(volume);
    await sweep(volume, files);
    return !same;
  } finally {
    await calls.close(volume.fd);
  }
}

interface Volume extends AtomicFilesOptions {
  readonly path: string;
  /** Holds the volume's directory. */
  readonly fd: number;
}

async function currentData({ calls, fd }: Volume): Promise<string | undefined> {
  try {
    const target = await calls.readlink(entryPath(fd, DATA));
    return target.startsWith('..') && target.length > 2 && !target.includes('/') ? target : undefined;
  } catch {
    return undefined;
  }
}

/** `..2026_01_02_03_04_05.000000000`, made unique by counting up the last part. */
async function freshName({ calls, fd, clock }: Volume): Promise<string> {
  const stamp = new Date(clock.now()).toISOString().slice(0, 19).replace(/[-:T]/g, '_');
  const taken = new Set(await calls.readdir(heldPath(fd)));
  for (let count = 0; ; count += 1) {
    const name = `..${stamp}.${String(count).padStart(9, '0')}`;
    if (!taken.has(name)) return name;
  }
}

/** With a group the files become readable to it, as the kubelet does for read-only volumes. */
const modeOf = (file: VolumeFile, groupId: number | undefined): number =>
  groupId === undefined ? file.mode : file.mode | READ_BITS;

/** Calls `use` with the held directory that `parts` lead to, below the held directory `from`. */
async function within<T>(
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
const enterMade =
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

async function writeAll(volume: Volume, directory: string, files: readonly VolumeFile[]): Promise<void> {
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
async function holds(volume: Volume, directory: string, files: readonly VolumeFile[]): Promise<boolean> {
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

const firstPart = (path: string): string => path.split('/')[0] ?? path;
const firstParts = (paths: readonly string[]): ReadonlySet<string> => new Set(paths.map(firstPart));
const pathsOf = (files: readonly VolumeFile[]): readonly string[] => files.map(({ path }) => path);

async function linkNames(volume: Volume, files: readonly VolumeFile[]): Promise<void> {
  const { calls, fd } = volume;
  for (const name of firstParts(pathsOf(files))) {
    const target = `${DATA}/${name}`;
    const existing = await calls.readlink(entryPath(fd, name)).catch(() => undefined);
    if (existing === target) continue;
    await discard(volume, [name]);
    await calls.symlink(target, entryPath(fd, name));
  }
}

/** A file of the same name stays: the engine then says that there is no directory to mount at. */
async function makeMountPoints(volume: Volume): Promise<void> {
  const enter = enterMade(volume);
  for (const path of volume.mountPoints ?? []) {
    await within(volume.calls, volume.fd, path.split('/'), async () => undefined, enter).catch(
      (error: unknown) => {
        if (!isCode(error, 'ENOTDIR', 'ELOOP')) throw error;
      },
    );
  }
}

/** Removes names that the new set no longer has and directories that nothing points to. */
async function sweep(volume: Volume, files: readonly VolumeFile[]): Promise<void> {
  const current = await currentData(volume);
  if (current === undefined) return;
  const wanted = new Set([
    DATA,
    current,
    ...firstParts(pathsOf(files)),
    ...firstParts(volume.mountPoints ?? []),
  ]);
  const names = await volume.calls.readdir(heldPath(volume.fd));
  await discard(
    volume,
    names.filter((name) => !wanted.has(name)),
  );
}

/** Directories are removed where no pod reaches them: beside the volume. */
async function discard(volume: Volume, names: readonly string[]): Promise<void> {
  const { calls, fd, path } = volume;
  const trash = join(dirname(path), `.removed-${basename(path)}`);
  let moved = 0;
  for (const name of names) {
    try {
      await calls.unlink(entryPath(fd, name));
    } catch (error) {
      if (isCode(error, 'ENOENT')) continue;
      if (!isCode(error, 'EISDIR', 'EPERM')) throw error;
      if (moved === 0) await removeTree(trash);
      await makeDirectory(trash, 0o700);
      moved += 1;
      await calls.rename(entryPath(fd, name), join(trash, String(moved)));
    }
  }
  if (moved > 0) await removeTree(trash);
}
