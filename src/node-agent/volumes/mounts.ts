/** Memory-backed directories, binds and the mount table, by util-linux' `mount` and `umount`. */
import { readFile, realpath } from 'node:fs/promises';
import { runChild } from '../../base/child-processes/child-process.ts';

/** A mount takes milliseconds; one that hangs must not block the pod forever. */
const COMMAND_TIMEOUT_MS = 30_000;

const run = (
  program: string,
  args: readonly string[],
  options: { descriptor?: number } = {},
): Promise<void> => runChild('mount', program, args, { ...options, timeoutMs: COMMAND_TIMEOUT_MS });

/** mountinfo writes blank, tab, newline and backslash as octal escapes. */
function unescape(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}

export interface Mount {
  readonly point: string;
  /** The type of its file system. */
  readonly type: string;
  readonly source: string;
  /** Options of the file system, which all of its mounts share. */
  readonly options: readonly string[];
}

/** The lines of /proc/self/mountinfo; a later mount hides an earlier one at the same point. */
export function parseMounts(mountInfo: string): readonly Mount[] {
  return mountInfo.split('\n').flatMap((line) => {
    const [mount = '', system = ''] = line.split(' - ');
    const point = unescape(mount.split(' ')[4] ?? '');
    const [type = '', source = '', options = ''] = system.split(' ');
    return point === '' ? [] : { point, type, source: unescape(source), options: options.split(',') };
  });
}

export async function listMounts(): Promise<readonly Mount[]> {
  try {
    return parseMounts(await readFile('/proc/self/mountinfo', 'utf8'));
  } catch {
    return [];
  }
}

/** Mount points that are `directory` or lie below it, deepest first. */
export function mountsBelow(mounts: readonly Mount[], directory: string): readonly string[] {
  return mounts
    .map(({ point }) => point)
    .filter((point) => point === directory || point.startsWith(`${directory}/`))
    .sort((a, b) => b.length - a.length);
}

export const listMountsBelow = async (directory: string): Promise<readonly string[]> =>
  mountsBelow(await listMounts(), directory);

export async function mountMemory(
  path: string,
  sizeBytes: number | undefined,
  mode: number,
  groupId?: number,
): Promise<void> {
  const options = [
    `mode=${mode.toString(8)}`,
    ...(sizeBytes === undefined ? [] : [`size=${sizeBytes}`]),
    ...(groupId === undefined ? [] : [`gid=${groupId}`]),
  ];
  await run('mount', ['-t', 'tmpfs', '-o', options.join(','), 'symphony', path]);
}

/**
 * Mounts what the descriptor holds at `target`, which must be a directory exactly when the held
 * thing is one. No path leads to the source: the child process has the descriptor as its number 3.
 */
export function bindDescriptor(descriptor: number, target: string): Promise<void> {
  return run('mount', ['--no-canonicalize', '--bind', '/proc/self/fd/3', target], { descriptor });
}

/** A mount of its own, so that its options hold for one pod only. */
export async function bindWithOptions(
  source: string,
  target: string,
  options: readonly string[],
): Promise<void> {
  await run('mount', ['--bind', source, target]);
  try {
    await run('mount', ['-o', ['remount', 'bind', ...options].join(','), target]);
  } catch (error) {
    await unmount(target);
    throw error;
  }
}

/** A mount still in use is detached at once and goes when its last user does. */
export async function unmount(path: string): Promise<void> {
  try {
    await run('umount', [path]);
  } catch {
    await run('umount', ['-l', path]);
  }
}

/** Before a directory is removed. Throws where something stays mounted in it. */
export async function unmountBelow(directory: string): Promise<void> {
  // The mount table has real paths; the directory may be reached through a link.
  const real = await realpath(directory).catch(() => directory);
  // A mount on the directory itself is not ours.
  const list = async () => (await listMountsBelow(real)).filter((point) => point !== real);
  for (const point of await list()) await unmount(point);
  const left = await list();
  if (left.length > 0) throw new Error(`Cannot remove "${directory}": still mounted: ${left.join(', ')}`);
}
