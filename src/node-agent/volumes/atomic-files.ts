/**
 * Files of a configMap, secret, projected or downwardAPI volume, replaced all at once: they live in a directory of their
 * own, `..data` points to it, and every visible name points through `..data`. A change makes a new directory and renames
 * one link, so a reader sees the old set or the new one, never a mixture (the layout of the kubelet's volumes, on which
 * programs that watch their configuration rely).
 */
import { dirname, join } from 'node:path';
import { type Clock } from '../../base/clock.ts';
import type { FileCalls } from './file-calls.ts';
import type { VolumeFile } from './plan-volumes.ts';

const DATA = '..data';
const DATA_NEXT = '..data_tmp';
const READ_BITS = 0o440;

const errorCode = (error: unknown): unknown => (error as { code?: unknown }).code;

/** Returns whether anything changed. Running it again after a crash at any point repairs what was left. */
export async function writeFilesAtomically(
  root: string,
  files: readonly VolumeFile[],
  options: { readonly clock: Clock; readonly calls: FileCalls; readonly groupId?: number | undefined },
): Promise<boolean> {
  const { calls } = options;
  await calls.mkdir(root, { recursive: true, mode: 0o755 });
  const current = await currentData(calls, root);
  const same = current !== undefined && (await holds(calls, join(root, current), files, options.groupId));
  if (!same) {
    const next = await freshName(calls, root, options.clock);
    await writeAll(calls, join(root, next), files, options.groupId);
    await calls.rm(join(root, DATA_NEXT), { force: true });
    await calls.symlink(next, join(root, DATA_NEXT));
    await calls.rename(join(root, DATA_NEXT), join(root, DATA));
  }
  await linkNames(calls, root, files);
  await sweep(calls, root, await currentData(calls, root));
  return !same;
}

async function currentData(calls: FileCalls, root: string): Promise<string | undefined> {
  try {
    const target = await calls.readlink(join(root, DATA));
    return target.includes('/') ? undefined : target;
  } catch {
    return undefined;
  }
}

/** `..2026_01_02_03_04_05.000000000`, made unique by counting up the last part. */
async function freshName(calls: FileCalls, root: string, clock: Clock): Promise<string> {
  const stamp = new Date(clock.now()).toISOString().slice(0, 19).replace(/[-:T]/g, '_');
  const taken = new Set(await calls.readdir(root));
  for (let count = 0; ; count += 1) {
    const name = `..${stamp}.${String(count).padStart(9, '0')}`;
    if (!taken.has(name)) return name;
  }
}

/** With a group the files become readable to it, as the kubelet does for read-only volumes. */
const modeOf = (file: VolumeFile, groupId: number | undefined): number =>
  groupId === undefined ? file.mode : file.mode | READ_BITS;

async function writeAll(
  calls: FileCalls,
  directory: string,
  files: readonly VolumeFile[],
  groupId: number | undefined,
): Promise<void> {
  await calls.mkdir(directory, { mode: 0o755 });
  const made = new Set<string>([directory]);
  for (const file of files) {
    const path = join(directory, file.path);
    for (let parent = dirname(path); !made.has(parent); parent = dirname(parent)) made.add(parent);
    await calls.mkdir(dirname(path), { recursive: true, mode: 0o755 });
    await calls.writeFile(path, file.content, { mode: 0o600, flag: 'wx' });
    await calls.chmod(path, modeOf(file, groupId));
    const { userId } = file;
    if (groupId !== undefined || userId !== undefined) await calls.chown(path, userId ?? 0, groupId ?? 0);
  }
  // The umask has cut what mkdir was told.
  for (const path of made) {
    await calls.chmod(path, 0o755);
    if (groupId !== undefined) await calls.chown(path, 0, groupId);
  }
}

async function holds(
  calls: FileCalls,
  directory: string,
  files: readonly VolumeFile[],
  groupId: number | undefined,
): Promise<boolean> {
  const found = await listFiles(calls, directory);
  if (found.length !== files.length) return false;
  for (const file of files) {
    try {
      const path = join(directory, file.path);
      const [content, stats] = await Promise.all([calls.readFile(path), calls.lstat(path)]);
      if (!content.equals(file.content) || (stats.mode & 0o7777) !== modeOf(file, groupId)) return false;
    } catch {
      return false;
    }
  }
  return true;
}

async function listFiles(calls: FileCalls, directory: string): Promise<readonly string[]> {
  try {
    const entries = await calls.readdir(directory, { withFileTypes: true, recursive: true });
    return entries.filter((entry) => !entry.isDirectory()).map((entry) => entry.name);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return [];
    throw error;
  }
}

const firstPart = (path: string): string => path.split('/')[0] ?? path;

async function linkNames(calls: FileCalls, root: string, files: readonly VolumeFile[]): Promise<void> {
  for (const name of new Set(files.map((file) => firstPart(file.path)))) {
    const link = join(root, name);
    const target = `${DATA}/${name}`;
    const existing = await calls.readlink(link).catch(() => undefined);
    if (existing === target) continue;
    await calls.rm(link, { force: true, recursive: true });
    await calls.symlink(target, link);
  }
}

/** Removes names that the new set no longer has and directories that nothing points to. */
async function sweep(calls: FileCalls, root: string, current: string | undefined): Promise<void> {
  if (current === undefined) return;
  const wanted = new Set(await calls.readdir(join(root, current)));
  for (const name of await calls.readdir(root)) {
    const ours = name === DATA || name === current;
    if (ours || (!name.startsWith('..') && wanted.has(name))) continue;
    await calls.rm(join(root, name), { recursive: true, force: true });
  }
}
