/**
 * Reads a file that a pod can write. It may have become a link, a pipe or a terabyte: only a
 * regular file is read, opening it never waits, and no more than `maxBytes` come into memory.
 */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';

const READ_SAFELY = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** The last `maxBytes` of the file; undefined when there is no such regular file. */
export async function readTail(path: string, maxBytes: number): Promise<Buffer | undefined> {
  try {
    const file = await open(path, READ_SAFELY);
    try {
      const stats = await file.stat();
      if (!stats.isFile()) return undefined;
      const length = Math.min(stats.size, maxBytes);
      const { bytesRead, buffer } = await file.read(Buffer.alloc(length), 0, length, stats.size - length);
      return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  } catch {
    return undefined;
  }
}
