/**
 * A volume as a tar stream: modes, owners, times, symbolic and hard links. Sockets, pipes and
 * devices are left out. Memory is bounded whatever the volume holds, but for the hard links.
 *
 * Pods may write meanwhile: a file that grows is cut at the size it had, one that shrinks is filled
 * with zeros. Nothing outside the volume is read (files/held-directory.ts).
 */
import { constants, type Stats } from 'node:fs';
import { type FileHandle, open, opendir, readlink } from 'node:fs/promises';
import { type Header, pack as newPack, type Pack } from 'tar-stream';
import { drained } from '../../base/drained.ts';
import { aboutFile, entryPath, heldPath, HOLD_DIRECTORY, isCode } from '../files/held-directory.ts';
import { MAX_LEVELS } from './archive-limits.ts';
import { isRestorePlace } from './restore-places.ts';

/** The size of one read. */
const CHUNK_BYTES = 64 * 1024;
/** Beyond it, further hard links become files of their own. */
const MAX_LINKS = 100_000;
/** The largest number in seven octal digits; larger ones need a pax record. */
const MAX_PLAIN_ID = 0o7777777;
/** The format writes times as 32 bits here. */
const MAX_PLAIN_SECONDS = 2 ** 31 - 1;

interface Packing {
  readonly pack: Pack;
  readonly signal: AbortSignal;
  /** Where a file with several names was packed first, by its inode. */
  readonly links: Map<string, string>;
}

/** Iterating it packs; its errors are those of the volume. */
export function packVolume(path: string, signal: AbortSignal): AsyncIterable<Buffer> {
  const pack = newPack();
  const packing = { pack, signal, links: new Map<string, string>() };
  void packAll(packing, path).then(
    () => pack.finalize(),
    (error: unknown) => pack.destroy(error as Error),
  );
  return pack as unknown as AsyncIterable<Buffer>;
}

async function packAll(packing: Packing, path: string): Promise<void> {
  const root = await open(path, HOLD_DIRECTORY);
  try {
    await add(packing, headersOf('./', 'directory', await root.stat()));
    await packDirectory(packing, root, '');
  } finally {
    await root.close();
  }
}

async function packDirectory(packing: Packing, directory: FileHandle, prefix: string): Promise<void> {
  if (prefix.split('/').length > MAX_LEVELS)
    throw new Error(`the volume has more than ${MAX_LEVELS} levels of directories`);
  for await (const { name } of await opendir(heldPath(directory.fd))) {
    packing.signal.throwIfAborted();
    if (name.includes('\ufffd')) throw new Error(`the name of "${prefix}${name}" is no UTF-8`);
    if (prefix === '' && isRestorePlace(name)) continue;
    await packEntry(packing, entryPath(directory.fd, name), `${prefix}${name}`).catch((error: unknown) => {
      // Removed or replaced since it was listed.
      if (!isCode(error, 'ENOENT', 'ELOOP', 'ENOTDIR')) throw aboutFile(`${prefix}${name}`, error);
    });
  }
}

async function packEntry(packing: Packing, path: string, name: string): Promise<void> {
  const O_PATH = 0o10000000;
  await using held = await open(path, O_PATH | constants.O_NOFOLLOW);
  const found = await held.stat();
  if (found.isSymbolicLink()) {
    const linkname = await readlink(path);
    return await add(packing, { ...headersOf(name, 'symlink', found), linkname });
  }
  if (found.isDirectory()) {
    await using inside = await open(`${heldPath(held.fd)}/.`, HOLD_DIRECTORY);
    await add(packing, headersOf(`${name}/`, 'directory', found));
    return await packDirectory(packing, inside, `${name}/`);
  }
  if (!found.isFile()) return;
  const first = firstNameOf(packing, found, name);
  if (first !== undefined) return await add(packing, { ...headersOf(name, 'link', found), linkname: first });
  await using file = await open(heldPath(held.fd), constants.O_RDONLY | constants.O_NONBLOCK);
  return await packFile(packing, file, { ...headersOf(name, 'file', found), size: found.size });
}

/** Where the file is in the archive already; undefined for its first name. */
function firstNameOf({ links }: Packing, { nlink, dev, ino }: Stats, name: string): string | undefined {
  if (nlink < 2) return undefined;
  const inode = `${dev}:${ino}`;
  const first = links.get(inode);
  if (first === undefined && links.size < MAX_LINKS) links.set(inode, name);
  return first;
}

function headersOf(name: string, type: 'directory' | 'file' | 'link' | 'symlink', found: Stats): Header {
  const { uid, gid, mtime, mode } = found;
  const seconds = Math.floor(mtime.getTime() / 1_000);
  const pax = {
    ...(uid > MAX_PLAIN_ID ? { uid: String(uid) } : {}),
    ...(gid > MAX_PLAIN_ID ? { gid: String(gid) } : {}),
    ...(seconds > MAX_PLAIN_SECONDS || seconds < 0 ? { mtime: String(seconds) } : {}),
  };
  const plainTime = new Date(Math.min(Math.max(seconds, 0), MAX_PLAIN_SECONDS) * 1_000);
  const plain = { name, type, mode: mode & 0o7777, size: 0, mtime: plainTime };
  const ids = { uid: Math.min(uid, MAX_PLAIN_ID), gid: Math.min(gid, MAX_PLAIN_ID) };
  return { ...plain, ...ids, ...(Object.keys(pax).length > 0 ? { pax } : {}) } as Header;
}

function add({ pack }: Packing, headers: Header): Promise<void> {
  return new Promise((resolve, reject) => {
    pack.entry(headers, (error) => (error ? reject(error) : resolve()));
  });
}

async function packFile({ pack, signal }: Packing, file: FileHandle, headers: Header): Promise<void> {
  const size = headers.size ?? 0;
  let entry: ReturnType<Pack['entry']> | undefined;
  const done = new Promise<void>((resolve, reject) => {
    entry = pack.entry(headers, (error) => (error ? reject(error) : resolve()));
  });
  done.catch(() => undefined);
  if (!entry) return done;
  const sink = entry;
  for (let at = 0; at < size; ) {
    signal.throwIfAborted();
    const chunk = Buffer.alloc(Math.min(CHUNK_BYTES, size - at));
    const { bytesRead } = await file.read(chunk, 0, chunk.length, at);
    at += bytesRead === 0 ? chunk.length : bytesRead;
    const part = bytesRead === 0 ? chunk : chunk.subarray(0, bytesRead);
    if (sink.write(part)) continue;
    await drained(sink);
    if (sink.destroyed) throw new Error('the archive was closed');
  }
  sink.end(undefined);
  await done;
}
