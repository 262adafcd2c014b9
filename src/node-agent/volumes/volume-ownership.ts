/**
 * Gives a volume to the pod's fsGroup, as kubelet does before a pod's first start: group and group
 * rights of everything in it, and setgid on directories, so that new files belong to the group.
 *
 * Other pods may write the volume meanwhile, so every directory is held and no link is followed
 * (files/held-directory.ts, ADR 12).
 */
import { constants, type Stats } from 'node:fs';
import { chmod, chown, type FileHandle, lchown, open, opendir } from 'node:fs/promises';
import { heldPath, HOLD_DIRECTORY, isCode } from '../files/held-directory.ts';

const O_PATH = 0o10000000;
const READ_WRITE = 0o660;
const EXECUTE = 0o110;
const SETGID = 0o2000;
/** One descriptor is open for each level; a path in the kernel has no more levels than this. */
const MAX_DEPTH = 2_048;

export interface OwnershipOptions {
  readonly groupId: number;
  /** fsGroupChangePolicy OnRootMismatch: a root that is right already stands for all. */
  readonly onlyOnMismatch: boolean;
}

export async function giveToGroup(path: string, options: OwnershipOptions): Promise<void> {
  const root = await open(path, HOLD_DIRECTORY);
  try {
    const found = await root.stat();
    if (options.onlyOnMismatch && isGiven(found, options.groupId)) return;
    await walk(root, options.groupId, 0);
    // Last, so that a walk that was broken off is done again.
    await give(root, found, options.groupId);
  } finally {
    await root.close();
  }
}

const wantedMode = (found: Stats): number =>
  (found.mode & 0o7777) | READ_WRITE | (found.isDirectory() ? EXECUTE | SETGID : 0);

const isGiven = (found: Stats, groupId: number): boolean =>
  found.gid === groupId && wantedMode(found) === (found.mode & 0o7777);

async function give(handle: FileHandle, found: Stats, groupId: number): Promise<void> {
  if (isGiven(found, groupId)) return;
  // A link to the held thing: chown and chmod follow it there, and no further.
  const path = heldPath(handle.fd);
  // A change of the owner takes setuid and setgid away: the mode comes second.
  if (found.gid !== groupId) await chown(path, found.uid, groupId);
  await chmod(path, wantedMode(found));
}

/** Names are bytes; as text, those that are no UTF-8 would not be found again. */
const NAMES = { encoding: 'latin1' } as const;

async function walk(directory: FileHandle, groupId: number, depth: number): Promise<void> {
  if (depth > MAX_DEPTH) throw new Error(`the volume has more than ${MAX_DEPTH} levels of directories`);
  for await (const { name } of await opendir(heldPath(directory.fd), NAMES)) {
    const path = Buffer.from(`${heldPath(directory.fd)}/${name}`, 'latin1');
    await visit(path, groupId, depth).catch((error: unknown) => {
      // Removed, or replaced by something else, since it was listed.
      if (!isCode(error, 'ENOENT', 'ELOOP', 'ENOTDIR')) throw error;
    });
  }
}

async function visit(path: Buffer, groupId: number, depth: number): Promise<void> {
  const handle = await open(path, O_PATH | constants.O_NOFOLLOW);
  try {
    const found = await handle.stat();
    if (found.isSymbolicLink()) return await lchown(path, found.uid, groupId);
    if (found.isDirectory()) {
      const inside = await open(`${heldPath(handle.fd)}/.`, HOLD_DIRECTORY);
      try {
        await walk(inside, groupId, depth + 1);
      } finally {
        await inside.close();
      }
    }
    await give(handle, found, groupId);
  } finally {
    await handle.close();
  }
}
