/**
 * Removes a directory that a pod has written, with all that is in it. A directory is moved to the
 * top of the tree before it is opened: the kernel refuses that for a mount point, so nothing below
 * a mount is ever removed; the top is out of the pod's reach, so the name cannot be replaced by a
 * link; and a tree of any depth needs two descriptors.
 */
import { type FileHandle, open, opendir, rename, rmdir, unlink } from 'node:fs/promises';
import { heldPath, HOLD_DIRECTORY, isCode } from './held-directory.ts';

const MOVED = '.removed-';
/** Each pass takes at least one level. A tree with more of them is still being written. */
const MAX_PASSES = 100_000;

/** The parent of `path` must be out of the pods' reach. Fails with EBUSY at a mount point. */
export async function removeTree(path: string): Promise<void> {
  let top: FileHandle;
  try {
    top = await open(path, HOLD_DIRECTORY);
  } catch (error) {
    if (isCode(error, 'ENOENT')) return;
    throw error;
  }
  try {
    await empty(top);
  } finally {
    await top.close();
  }
  await rmdir(path);
}

/** Names are bytes; as text, those that are no UTF-8 would not be found again. */
const NAMES = { encoding: 'latin1' } as const;
const entry = (directory: FileHandle, name: string): Buffer =>
  Buffer.from(`${heldPath(directory.fd)}/${name}`, 'latin1');

async function empty(top: FileHandle): Promise<void> {
  let moved = 0;
  let taken = 0;

  /** Directories go to the top under a new name; everything else goes away. */
  async function take(directory: FileHandle, name: string): Promise<void> {
    const path = entry(directory, name);
    try {
      await unlink(path);
    } catch (error) {
      if (isCode(error, 'ENOENT')) return;
      if (!isCode(error, 'EISDIR', 'EPERM')) throw error;
      await move(path);
    }
    taken += 1;
  }

  async function move(path: Buffer): Promise<void> {
    for (moved += 1; ; moved += 1) {
      try {
        return await rename(path, entry(top, `${MOVED}${moved}`));
      } catch (error) {
        // A run that was broken off has left a directory of this name.
        if (!isCode(error, 'ENOTEMPTY', 'EEXIST', 'EISDIR')) throw error;
      }
    }
  }

  async function clear(name: string): Promise<void> {
    const path = entry(top, name);
    let directory: FileHandle;
    try {
      directory = await open(path, HOLD_DIRECTORY);
    } catch (error) {
      // The pod put something else there just before it was moved.
      if (isCode(error, 'ENOTDIR', 'ELOOP')) return take(top, name);
      throw error;
    }
    try {
      const entries = await opendir(heldPath(directory.fd), NAMES);
      for await (const { name: inside } of entries) await take(directory, inside);
    } finally {
      await directory.close();
    }
    try {
      await rmdir(path);
      taken += 1;
    } catch (error) {
      // Something new has appeared in it: the next pass takes it.
      if (!isCode(error, 'ENOTEMPTY', 'EEXIST')) throw error;
    }
  }

  for (let pass = 0; pass < MAX_PASSES; pass += 1) {
    const before = taken;
    let found = false;
    for await (const { name } of await opendir(heldPath(top.fd), NAMES)) {
      found = true;
      if (name.startsWith(MOVED)) await clear(name);
      else await take(top, name);
    }
    if (!found) return;
    if (taken === before) break;
  }
  throw new Error('Cannot empty a directory: something is left in it, or somebody still writes to it');
}
