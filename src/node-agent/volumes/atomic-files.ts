/**
 * Files of a configMap, secret, projected or downwardAPI volume, replaced all at once: they live in a directory of their
 * own, `..data` points to it, and every visible name points through `..data`. A change makes a new directory and renames
 * one link, so a reader sees the old set or the new one, never a mixture (the layout of the kubelet's volumes, on which
 * programs that watch their configuration rely).
 */
import {
  chmod,
  chown,
  lstat,
  mkdir,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Clock } from '../../base/clock.ts';
import type { VolumeFile } from './plan-volumes.ts';

const DATA = '..data';
const DATA_NEXT = '..data_tmp';
const READ_BITS = 0o440;

const errorCode = (error: unknown): unknown => (error as { code?: unknown }).code;

/** Returns whether anything changed. Running it again after a crash at any point repairs what was left. */
export async function writeFilesAtomically(
  root: string,
  files: readonly VolumeFile[],
  options: { readonly clock: Clock; readonly groupId?: number | undefined },
): Promise<boolean> {
  await mkdir(root, { recursive: true, mode: 0o755 });
  const current = await currentData(root);
  const same = current !== undefined && (await holds(join(root, current), files, options.groupId));
  if (!same) {
    const next = await freshName(root, options.clock);
    await writeAll(join(root, next), files, options.groupId);
    await rm(join(root, DATA_NEXT), { force: true });
    await symlink(next, join(root, DATA_NEXT));
    await rename(join(root, DATA_NEXT), join(root, DATA));
  }
  await linkNames(root, files);
  await sweep(root, await currentData(root));
  return !same;
}

async function currentData(root: string): Promise<string | undefined> {
  try {
    const target = await readlink(join(root, DATA));
    return target.includes('/') ? undefined : target;
  } catch {
    return undefined;
  }
}

/** `..2026_01_02_03_04_05.000000000`, made unique by counting up the last part. */
async function freshName(root: string, clock: Clock): Promise<string> {
  const stamp = new Date(clock.now()).toISOString().slice(0, 19).replace(/[-:T]/g, '_');
  const taken = new Set(await readdir(root));
  for (let count = 0; ; count += 1) {
    const name = `..${stamp}.${String(count).padStart(9, '0')}`;
    if (!taken.has(name)) return name;
  }
}

/** With a group the files become readable to it, as the kubelet does for read-only volumes. */
const modeOf = (file: VolumeFile, groupId: number | undefined): number =>
  groupId === undefined ? file.mode : file.mode | READ_BITS;

async function writeAll(
  directory: string,
  files: readonly VolumeFile[],
  groupId: number | undefined,
): Promise<void> {
  await mkdir(directory, { mode: 0o755 });
  const made = new Set<string>([directory]);
  for (const file of files) {
    const path = join(directory, file.path);
    for (let parent = dirname(path); !made.has(parent); parent = dirname(parent)) made.add(parent);
    await mkdir(dirname(path), { recursive: true, mode: 0o755 });
    await writeFile(path, file.content, { mode: 0o600, flag: 'wx' });
    await chmod(path, modeOf(file, groupId));
    const { userId } = file;
    if (groupId !== undefined || userId !== undefined) await chown(path, userId ?? 0, groupId ?? 0);
  }
  // The umask has cut what mkdir was told.
  for (const path of made) {
    await chmod(path, 0o755);
    if (groupId !== undefined) await chown(path, 0, groupId);
  }
}

async function holds(
  directory: string,
  files: readonly VolumeFile[],
  groupId: number | undefined,
): Promise<boolean> {
  const found = await listFiles(directory);
  if (found.length !== files.length) return false;
  for (const file of files) {
    try {
      const path = join(directory, file.path);
      const [content, stats] = await Promise.all([readFile(path), lstat(path)]);
      if (!content.equals(file.content) || (stats.mode & 0o7777) !== modeOf(file, groupId)) return false;
    } catch {
      return false;
    }
  }
  return true;
}

async function listFiles(directory: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(directory, { withFileTypes: true, recursive: true });
    return entries.filter((entry) => !entry.isDirectory()).map((entry) => entry.name);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return [];
    throw error;
  }
}

const firstPart = (path: string): string => path.split('/')[0] ?? path;

async function linkNames(root: string, files: readonly VolumeFile[]): Promise<void> {
  for (const name of new Set(files.map((file) => firstPart(file.path)))) {
    const link = join(root, name);
    const target = `${DATA}/${name}`;
    const existing = await readlink(link).catch(() => undefined);
    if (existing === target) continue;
    await rm(link, { force: true, recursive: true });
    await symlink(target, link);
  }
}

/** Removes names that the new set no longer has and directories that nothing points to. */
async function sweep(root: string, current: string | undefined): Promise<void> {
  if (current === undefined) return;
  const wanted = new Set(await readdir(join(root, current)));
  for (const name of await readdir(root)) {
    const ours = name === DATA || name === current;
    if (ours || (!name.startsWith('..') && wanted.has(name))) continue;
    await rm(join(root, name), { recursive: true, force: true });
  }
}
