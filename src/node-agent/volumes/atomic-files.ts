/**
 * Files of a configMap, secret, projected or downwardAPI volume, replaced all at once: they live in
 * a directory of their own, `..data` points to it, and every visible name points through `..data`.
 * A change makes a new directory and renames one link, so a reader sees the old set or the new one,
 * never a mixture (the layout of the kubelet's volumes, on which programs that watch their
 * configuration rely).
 *
 * Pods only read these volumes, but a container of an older agent may still write one: nothing is
 * reached by a path that it could change (files/held-directory.ts).
 */
import { basename, dirname, join } from 'node:path';
import { makeDirectory } from '../../base/make-directory.ts';
import { entryPath, heldPath, HOLD_DIRECTORY, isCode } from '../files/held-directory.ts';
import { removeTree } from '../files/remove-tree.ts';
import {
  type AtomicFilesOptions,
  DIRECTORY_MODE,
  enterMade,
  holds,
  type Volume,
  within,
  writeAll,
} from './data-directory.ts';
import type { VolumePlan } from './plan-volumes.ts';
import type { VolumeFile } from './volume-files.ts';

const DATA = '..data';
const DATA_NEXT = '..data_tmp';
/** There as long as the volume is: its current files, or the volume itself. */
export const contentPath = ({ kind, path }: VolumePlan): string =>
  kind === 'files' ? join(path, DATA) : path;

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
      // A full disk cuts the writing short. Each try would leave a directory.
      await discard(volume, await leftovers(volume, current));
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

async function currentData({ calls, fd }: Volume): Promise<string | undefined> {
  try {
    const target = await calls.readlink(entryPath(fd, DATA));
    return target.startsWith('..') && target.length > 2 && !target.includes('/') ? target : undefined;
  } catch {
    return undefined;
  }
}

/** Directories of files that nothing points to. No file's name begins like them. */
async function leftovers({ calls, fd }: Volume, current: string | undefined): Promise<readonly string[]> {
  const names = await calls.readdir(heldPath(fd));
  return names.filter((name) => name.startsWith('..') && name !== DATA && name !== current);
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

/** The first parts of paths: the names in the volume itself. */
const topNames = (paths: readonly string[]): ReadonlySet<string> =>
  new Set(paths.map((path) => path.split('/')[0] ?? path));
const pathsOf = (files: readonly VolumeFile[]): readonly string[] => files.map(({ path }) => path);

async function linkNames(volume: Volume, files: readonly VolumeFile[]): Promise<void> {
  const { calls, fd } = volume;
  for (const name of topNames(pathsOf(files))) {
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
  const wanted = topNames([DATA, current, ...pathsOf(files), ...(volume.mountPoints ?? [])]);
  const names = await volume.calls.readdir(heldPath(volume.fd));
  const unwanted = names.filter((name) => !wanted.has(name));
  await discard(volume, unwanted);
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
