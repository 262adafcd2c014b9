/**
 * The calls with which a volume's files are written. On a disk they go through Node's pool of threads: a disk may keep one
 * waiting. In memory a call is over in microseconds, a tenth of what handing it to a thread costs, so it is made at once.
 */
import fs from 'node:fs';
import files from 'node:fs/promises';

export type FileCalls = Pick<
  typeof files,
  | 'chmod'
  | 'chown'
  | 'lstat'
  | 'mkdir'
  | 'readdir'
  | 'readFile'
  | 'readlink'
  | 'rename'
  | 'rm'
  | 'symlink'
  | 'writeFile'
>;

export const diskCalls: FileCalls = files;

const promised =
  <A extends unknown[], R>(call: (...args: A) => R) =>
  async (...args: A): Promise<R> =>
    call(...args);

/** Overloads do not pass through a wrapper; each is the synchronous form of the same call. */
export const memoryCalls = {
  chmod: promised(fs.chmodSync),
  chown: promised(fs.chownSync),
  lstat: promised(fs.lstatSync),
  mkdir: promised(fs.mkdirSync),
  readdir: promised(fs.readdirSync),
  readFile: promised(fs.readFileSync),
  readlink: promised(fs.readlinkSync),
  rename: promised(fs.renameSync),
  rm: promised(fs.rmSync),
  symlink: promised(fs.symlinkSync),
  writeFile: promised(fs.writeFileSync),
} as unknown as FileCalls;
