/**
 * Puts a tar stream into a volume: first beside the data, and in its place only when the stream was
 * complete. A stream that is cut, damaged or leads out of the volume leaves the old data.
 *
 * Names come from users, and pods may write the volume meanwhile: each part of a path is opened by
 * itself, below what was opened before, and no link is followed (files/held-directory.ts).
 */
import { constants } from 'node:fs';
import {
  chmod,
  chown,
  type FileHandle,
  lchown,
  link,
  mkdir,
  open,
  readdir,
  symlink,
  unlink,
} from 'node:fs/promises';
import { extract as newExtract, type Header } from 'tar-stream';
import { drained } from '../../base/drained.ts';
import { asRecord } from '../../schemas/json-access.ts';
import { aboutFile, entryPath, heldPath, HOLD_DIRECTORY, isCode } from '../files/held-directory.ts';
import { MAX_LEVELS } from './archive-limits.ts';
import { isData, settle, STAGING, swap } from './restore-places.ts';

export interface Unpacked {
  readonly entries: number;
  readonly bytes: number;
}

/** A restore that the user can correct. */
export class RestoreRefused extends Error {}

const CREATE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
/** Runs of zeros of this size become holes. */
const HOLE_BYTES = 4_096;
/** A name may have megabytes. */
const SHOWN_CHARACTERS = 100;
const ZEROS = Buffer.alloc(HOLE_BYTES);
const BLOCK_BYTES = 512;

/** Throws RestoreRefused where the volume has data. */
export async function checkEmpty(path: string): Promise<void> {
  const names = (await readdir(path)).filter(isData);
  if (names.length > 0)
    throw new RestoreRefused(
      `the volume is not empty (it has "${names[0] ?? ''}"); --force replaces what it has`,
    );
}

export async function unpackVolume(
  path: string,
  source: AsyncIterable<Buffer>,
  canChown: boolean,
): Promise<Unpacked> {
  const root = await open(path, HOLD_DIRECTORY);
  const place = (name: string): string => entryPath(root.fd, name);
  try {
    await settle(root);
    await mkdir(place(STAGING), { mode: 0o700 });
    const staging = await open(place(STAGING), HOLD_DIRECTORY);
    try {
      const { top, ...unpacked } = await unpackInto({ staging, canChown }, source);
      await swap(root, staging);
      if (top) await giveTo(root, top, canChown);
      return unpacked;
    } finally {
      await staging.close();
      await settle(root);
    }
  } finally {
    await root.close();
  }
}

interface Unpacking {
  readonly staging: FileHandle;
  readonly canChown: boolean;
}

type Entry = AsyncIterable<Buffer> & { readonly header: Header; resume(): void };

async function unpackInto(
  unpacking: Unpacking,
  source: AsyncIterable<Buffer>,
): Promise<Unpacked & { readonly top?: Header }> {
  const extract = newExtract();
  const fed = { bytes: 0, lastBlock: Buffer.alloc(0) };
  const feeding = feed(extract, source, fed);
  // Reported by the loop below, as the archive's own error.
  feeding.catch(() => undefined);
  let [entries, bytes, endOfEntries] = [0, 0, 0];
  let top: Header | undefined;
  for await (const entry of extract as unknown as AsyncIterable<Entry>) {
    const parts = partsOf(entry.header.name);
    if (parts.length === 0) top = entry.header;
    else
      bytes += await unpackEntry(unpacking, parts, entry).catch((error: unknown) => {
        throw aboutFile(entry.header.name, error);
      });
    entry.resume();
    entries += 1;
    endOfEntries = endOf(entry.header);
  }
  await feeding;
  if (entries === 0) throw new RestoreRefused('the stream is no tar archive, or an empty one');
  // An archive that was cut between two entries is well-formed but for its end.
  if (fed.bytes < endOfEntries + BLOCK_BYTES || !fed.lastBlock.equals(ZEROS.subarray(0, BLOCK_BYTES)))
    throw new RestoreRefused(`the archive was cut off after ${entries} entries`);
  return { entries, bytes, ...(top ? { top } : {}) };
}

/** Where the entry's last block ends in the archive. */
function endOf(header: Header): number {
  const { byteOffset = 0, size } = header as Header & { readonly byteOffset?: number };
  return byteOffset + Math.ceil(size / BLOCK_BYTES) * BLOCK_BYTES;
}

async function feed(
  extract: ReturnType<typeof newExtract>,
  source: AsyncIterable<Buffer>,
  fed: { bytes: number; lastBlock: Buffer },
): Promise<void> {
  try {
    for await (const chunk of source) {
      fed.bytes += chunk.length;
      fed.lastBlock = Buffer.concat([fed.lastBlock, chunk.subarray(-BLOCK_BYTES)]).subarray(-BLOCK_BYTES);
      if (extract.destroyed) return;
      if (!extract.write(chunk)) await drained(extract);
    }
    extract.end(undefined);
  } catch (error) {
    extract.destroy(error as Error);
    throw error;
  }
}

function partsOf(name: string): readonly string[] {
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  if (name.startsWith('/') || parts.includes('..') || name.includes('\0'))
    throw new RestoreRefused(`"${name}" leads out of the volume; nothing was restored`);
  if (parts.length > MAX_LEVELS)
    throw new RestoreRefused(
      `"${name.slice(0, SHOWN_CHARACTERS)}…" has more than ${MAX_LEVELS} levels of directories`,
    );
  return parts;
}

/** Calls `use` with the held directory of these parts, which is made where it is missing. */
async function within<T>(
  from: FileHandle,
  [first, ...rest]: readonly string[],
  use: (directory: FileHandle) => Promise<T>,
): Promise<T> {
  if (first === undefined) return use(from);
  const path = entryPath(from.fd, first);
  await mkdir(path, { mode: 0o755 }).catch((error: unknown) => {
    if (!isCode(error, 'EEXIST')) throw error;
  });
  await using next = await open(path, HOLD_DIRECTORY).catch((error: unknown) => {
    if (!isCode(error, 'ENOTDIR', 'ELOOP')) throw error;
    throw new RestoreRefused(`an entry goes through "${first}", which is no directory`);
  });
  return await within(next, rest, use);
}

async function unpackEntry(
  { staging, canChown }: Unpacking,
  parts: readonly string[],
  entry: Entry,
): Promise<number> {
  const { header } = entry;
  const name = parts.at(-1) ?? '';
  if (header.type === 'directory') {
    await within(staging, parts, (directory) => giveTo(directory, header, canChown));
    return 0;
  }
  return within(staging, parts.slice(0, -1), async (parent) => {
    const path = entryPath(parent.fd, name);
    // The later of two entries with one name wins, as tar has it.
    await unlink(path).catch((error: unknown) => {
      if (!isCode(error, 'ENOENT')) throw error;
    });
    switch (header.type) {
      case 'symlink':
        await symlink(header.linkname ?? '', path);
        if (canChown) await lchown(path, ...ownersOf(header));
        return 0;
      case 'link': {
        const source = partsOf(header.linkname ?? '');
        await within(staging, source.slice(0, -1), (held) =>
          link(entryPath(held.fd, source.at(-1) ?? ''), path),
        ).catch((error: unknown) => {
          throw aboutFile(`${header.name} -> ${header.linkname ?? ''}`, error);
        });
        return 0;
      }
      case 'file':
      case 'contiguous-file':
        return unpackFile(path, entry, canChown);
      default:
        throw new RestoreRefused(
          `"${header.name}" is a ${header.type ?? 'thing'} and is not restored; leave it out`,
        );
    }
  });
}

async function unpackFile(path: string, entry: Entry, canChown: boolean): Promise<number> {
  await using file = await open(path, CREATE, 0o600);
  let at = 0;
  for await (const chunk of entry) {
    for (let start = 0; start < chunk.length; start += HOLE_BYTES) {
      const part = chunk.subarray(start, start + HOLE_BYTES);
      if (!part.equals(ZEROS.subarray(0, part.length))) await writeAll(file, part, at + start);
    }
    at += chunk.length;
  }
  await file.truncate(at);
  await giveTo(file, entry.header, canChown);
  await file.utimes(timeOf(entry.header), timeOf(entry.header));
  return at;
}

async function writeAll(file: FileHandle, bytes: Buffer, at: number): Promise<void> {
  for (let done = 0; done < bytes.length; )
    done += (await file.write(bytes, done, bytes.length - done, at + done)).bytesWritten;
}

async function giveTo(handle: FileHandle, header: Header, canChown: boolean): Promise<void> {
  const path = heldPath(handle.fd);
  if (canChown) await chown(path, ...ownersOf(header));
  // A change of the owner takes setuid and setgid away: the mode comes second.
  await chmod(path, (header.mode ?? 0o755) & 0o7777);
}

/** Values that do not fit the header's own fields. */
const paxOf = ({ pax }: Header): Readonly<Record<string, unknown>> => asRecord(pax);

const ownersOf = (header: Header): [number, number] => {
  const { uid = header.uid, gid = header.gid } = paxOf(header);
  return [Number(uid ?? 0), Number(gid ?? 0)];
};

const timeOf = (header: Header): Date => {
  const { mtime } = header;
  const seconds = Number(paxOf(header)['mtime'] ?? Number.NaN);
  return Number.isNaN(seconds) ? (mtime ?? new Date(0)) : new Date(seconds * 1_000);
};
