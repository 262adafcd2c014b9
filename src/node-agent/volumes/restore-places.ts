/**
 * The exchange of a volume's data at the end of a restore, entry by entry, since pods have the
 * volume's directory itself mounted. Directories at its top say how far it came, so that a process
 * that ends anywhere leaves either the old data or the new:
 *
 * - `restore`: the new data arrives. With `replaced` beside it, old data is going there; the volume
 *   has nothing new yet.
 * - `placing`: the former `restore`, whose entries go to the volume. All old data is in `replaced`.
 * - `replaced` alone: done; the old data is being removed.
 */
import { type FileHandle, mkdir, open, readdir, rename, rmdir } from 'node:fs/promises';
import { entryPath, heldPath, HOLD_DIRECTORY, isCode } from '../files/held-directory.ts';
import { removeTree } from '../files/remove-tree.ts';

const PREFIX = '.symphony-';
export const STAGING = `${PREFIX}restore`;
const PLACING = `${PREFIX}placing`;
const REPLACED = `${PREFIX}replaced`;
/** The file system makes it. */
const LOST_AND_FOUND = 'lost+found';

export const isRestorePlace = (name: string): boolean => [STAGING, PLACING, REPLACED].includes(name);
export const isData = (name: string): boolean => name !== LOST_AND_FOUND && !isRestorePlace(name);

/** The old data goes aside, the new takes its place. After a failure, `settle` puts it back. */
export async function swap(root: FileHandle, staging: FileHandle): Promise<void> {
  const place = (name: string): string => entryPath(root.fd, name);
  await mkdir(place(REPLACED), { mode: 0o700 });
  await using replaced = await open(place(REPLACED), HOLD_DIRECTORY);
  await moveAll(root, replaced);
  await rename(place(STAGING), place(PLACING));
  await moveAll(staging, root);
  // From here on, the new data counts.
  await removeTree(place(PLACING));
}

/** Ends a restore that was broken off: before its last step, the old data comes back. */
export async function settle(root: FileHandle): Promise<void> {
  const place = (name: string): string => entryPath(root.fd, name);
  await using placing = await openPlace(root, PLACING);
  await using replaced = await openPlace(root, REPLACED);
  if (placing) {
    if (replaced) await moveAll(root, placing);
    await rename(place(PLACING), place(STAGING));
  }
  await using staging = placing ?? (await openPlace(root, STAGING));
  if (staging && replaced) {
    await moveAll(replaced, root);
    await rmdir(place(REPLACED));
  }
  if (replaced) await removeTree(place(REPLACED));
  if (staging) await removeTree(place(STAGING));
}

/** The same for the volume at this path, which no restore of this process is busy with. */
export async function settleVolume(path: string): Promise<void> {
  await using root = await open(path, HOLD_DIRECTORY);
  await settle(root);
}

/** A file of that name is the user's own. */
function openPlace(root: FileHandle, name: string): Promise<FileHandle | undefined> {
  return open(entryPath(root.fd, name), HOLD_DIRECTORY).catch((error: unknown) => {
    if (isCode(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) return undefined;
    throw error;
  });
}

async function moveAll(from: FileHandle, to: FileHandle): Promise<void> {
  for (const name of await readdir(heldPath(from.fd), { encoding: 'latin1' })) {
    if (!isData(name)) continue;
    const [source, target] = [from, to].map(({ fd }) => Buffer.from(`${heldPath(fd)}/${name}`, 'latin1'));
    if (source && target) await rename(source, target);
  }
}
