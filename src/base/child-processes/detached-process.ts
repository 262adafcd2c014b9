/**
 * Processes that outlive their starter, such as a proxy that serves on while the agent is upgraded.
 * A mark in the environment names the directory that they belong to, and is found again in /proc: no
 * record could be lost between a start and a crash. Start time and mark are checked before a signal
 * is sent, so that a stranger with the same process id never gets one.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { uninterrupted } from '../abort.ts';
import { readIfThere } from '../private-file.ts';
import { readOrEmpty, startTimeOf } from './process-identity.ts';

const DETACHED = 'SYMPHONY_DETACHED';

export interface DetachedProcess {
  /** Unique in its directory. */
  readonly name: string;
  readonly pid: number;
  /** In clock ticks since boot. */
  readonly startTime: string;
  /** The version of {@link DetachedCommand} that it was started with. */
  readonly version: string;
}

export interface DetachedCommand {
  /** No blanks: it is the name of the file of its output, too. */
  readonly name: string;
  /** Says what runs, so that an upgrade sees that something else must run now. No blanks. */
  readonly version: string;
  readonly program: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** A file of its own for each start: what a long-lived program writes must be bounded by itself. */
const outputFile = (directory: string, name: string): string => join(directory, `${name}.output`);

/** Rejects when the program cannot be executed. */
export async function startDetached(
  directory: string,
  { name, version, program, args, env }: DetachedCommand,
): Promise<DetachedProcess> {
  await using output = await open(outputFile(directory, name), 'w', 0o600);
  const child = spawn(program, args, {
    cwd: directory,
    env: { ...env, [DETACHED]: `${name} ${version} ${directory}` },
    detached: true,
    stdio: ['ignore', output.fd, output.fd],
  });
  await once(child, 'spawn', { signal: uninterrupted });
  child.unref();
  const pid = child.pid!;
  return { name, version, pid, startTime: (await startTimeOf(pid)) ?? '' };
}

/** The living processes that were started for this directory, by whichever process. */
export async function findDetached(directory: string): Promise<readonly DetachedProcess[]> {
  const namespace = await pidNamespaceOf('self');
  const found: DetachedProcess[] = [];
  for (const entry of await readdir('/proc').catch(() => [])) {
    const pid = Number(entry);
    if (!Number.isInteger(pid)) continue;
    const mark = await markOf(pid);
    if (mark?.directory !== directory || (await pidNamespaceOf(pid)) !== namespace) continue;
    const startTime = await startTimeOf(pid);
    if (startTime !== undefined) found.push({ name: mark.name, version: mark.version, pid, startTime });
  }
  return found;
}

export async function isDetachedAlive({ pid, startTime }: DetachedProcess): Promise<boolean> {
  return startTime !== '' && (await startTimeOf(pid)) === startTime;
}

/** False if the process is gone. */
export async function signalDetached(
  process_: DetachedProcess,
  signal: 'SIGTERM' | 'SIGKILL',
): Promise<boolean> {
  if (!(await isDetachedAlive(process_))) return false;
  try {
    process.kill(process_.pid, signal);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}

/** The end of what it wrote. */
export async function lastWordsOf(directory: string, name: string): Promise<string> {
  return ((await readIfThere(outputFile(directory, name))) ?? '').slice(-MAX_WORDS_CHARS).trim();
}

/** Enough for the lines that say why a program ended. */
const MAX_WORDS_CHARS = 2_000;

async function markOf(
  pid: number,
): Promise<{ readonly name: string; readonly version: string; readonly directory: string } | undefined> {
  const environment = await readOrEmpty(`/proc/${pid}/environ`).catch(() => '');
  const mark = environment.split('\0').find((variable) => variable.startsWith(`${DETACHED}=`));
  if (mark === undefined) return undefined;
  const [name = '', version = '', ...directory] = mark.slice(DETACHED.length + 1).split(' ');
  return { name, version, directory: directory.join(' ') };
}

/** Undefined where there is no /proc, or for a process of another user. */
async function pidNamespaceOf(pid: number | 'self'): Promise<string | undefined> {
  return await readlink(`/proc/${pid}/ns/pid`).catch(() => undefined);
}
