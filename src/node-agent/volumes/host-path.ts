/** Checks what a hostPath leads to, and makes what its type says. */
import { constants, type Stats } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { ownMember } from '../../base/json.ts';
import { makeDirectory } from '../../base/make-directory.ts';

/** The file was missing a moment ago: a link or a pipe that is there now is not ours. */
const CREATE_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL;

/** By hostPath's `type` (kubernetes.io, "Volumes"). */
const HOST_PATHS: Readonly<Record<string, readonly [what: string, holds: (found: Stats) => boolean]>> = {
  '': ['there', () => true],
  DirectoryOrCreate: ['a directory', (found) => found.isDirectory()],
  Directory: ['a directory', (found) => found.isDirectory()],
  FileOrCreate: ['a file', (found) => found.isFile()],
  File: ['a file', (found) => found.isFile()],
  Socket: ['a socket', (found) => found.isSocket()],
  CharDevice: ['a character device', (found) => found.isCharacterDevice()],
  BlockDevice: ['a block device', (found) => found.isBlockDevice()],
};

export async function checkHostPath(path: string, type: string): Promise<void> {
  const existing = await stat(path).catch(() => undefined);
  if (!existing) {
    // The engine needs a source to bind; without a type a missing one becomes a directory.
    if (type === '' || type === 'DirectoryOrCreate') return makeDirectory(path, 0o755);
    if (type === 'FileOrCreate') return (await open(path, CREATE_FILE, 0o644)).close();
  }
  const [what, holds] = ownMember(HOST_PATHS, type) ?? [`of a known type ("${type}")`, () => false];
  if (!existing || !holds(existing)) throw new Error(`hostPath type check failed: ${path} is not ${what}`);
}
