/**
 * The calls with which a volume's files are written, on descriptors. On a disk they go through
 * Node's pool of threads: a disk may keep one waiting. In memory a call is over in microseconds, a
 * tenth of what handing it to a thread costs, so it is made at once.
 */
import fs from 'node:fs';
import { promisify } from 'node:util';

export interface FileCalls {
  open(path: string, flags: number, mode?: number): Promise<number>;
  close(fd: number): Promise<void>;
  fchmod(fd: number, mode: number): Promise<void>;
  fchown(fd: number, userId: number, groupId: number): Promise<void>;
  fstat(fd: number): Promise<fs.Stats>;
  readFile(fd: number): Promise<Buffer>;
  writeFile(fd: number, content: Buffer): Promise<void>;
  mkdir(path: string, mode: number): Promise<void>;
  readdir(path: string): Promise<string[]>;
  readlink(path: string): Promise<string>;
  rename(from: string, to: string): Promise<void>;
  symlink(target: string, path: string): Promise<void>;
  unlink(path: string): Promise<void>;
}

const mapped = (names: readonly string[], make: (name: string) => unknown): FileCalls =>
  Object.fromEntries(names.map((name) => [name, make(name)])) as unknown as FileCalls;

const NAMES = [
  'open',
  'close',
  'fchmod',
  'fchown',
  'fstat',
  'readFile',
  'writeFile',
  'mkdir',
  'readdir',
  'readlink',
  'rename',
  'symlink',
  'unlink',
] as const satisfies readonly (keyof FileCalls)[];

type Call = (...args: unknown[]) => unknown;
const calls = fs as unknown as Readonly<Record<string, Call>>;

export const diskCalls: FileCalls = mapped(NAMES, (name) => promisify(calls[name] as Call));

export const memoryCalls: FileCalls = mapped(NAMES, (name) => {
  const call = calls[`${name}Sync`] as Call;
  return async (...args: unknown[]) => call(...args);
});
