/** Paths of unix sockets, which are shorter than other paths may be. */
import { createHash } from 'node:crypto';
import { lstat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UserError } from './errors.ts';
import { makeDirectory } from './make-directory.ts';

/** `sun_path` holds 108 bytes (unix(7)), the last one zero. */
const MAX_SOCKET_PATH_BYTES = 107;

/** In the directory, or in a private one below the temporary one where that path is too long. */
export async function socketPath(directory: string, name: string): Promise<string> {
  const path = join(directory, name);
  if (Buffer.byteLength(path) <= MAX_SOCKET_PATH_BYTES) return path;
  const short = join(
    tmpdir(),
    `symphony-${createHash('sha256').update(directory).digest('hex').slice(0, 16)}`,
  );
  await makeDirectory(short, 0o700);
  const found = await lstat(short);
  const isOurs = found.isDirectory() && found.uid === process.getuid?.() && (found.mode & 0o077) === 0;
  if (!isOurs) throw new UserError(`Cannot use "${short}" for a socket: others have access to it`);
  return join(short, name);
}
