/**
 * A process is its id and its start time, as an id is used again. Every child carries a mark in its
 * environment that names its owner. Its own children inherit the mark: no record on disk could know
 * of them, and no write can be lost between a start and a crash.
 */
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';

export const MARK = 'SYMPHONY_CHILD';

/** When a process started, in clock ticks since boot (proc(5), field 22). */
export async function startTimeOf(pid: number): Promise<string | undefined> {
  return startTimeIn(await readOrEmpty(`/proc/${pid}/stat`));
}

function startTimeIn(stat: string): string | undefined {
  // The command's name, in parentheses, may hold spaces.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  // A zombie has ended; only its parent does not know yet.
  return fields[0] === 'Z' ? undefined : fields[19];
}

let own: string | undefined;

/** The mark of a child of this process: purpose, process id and start time of its owner. */
export function childMark(purpose: string): Readonly<Record<string, string>> {
  own ??= ownIdentity();
  return { [MARK]: `${purpose} ${own}` };
}

function ownIdentity(): string {
  let stat = '';
  try {
    stat = readFileSync('/proc/self/stat', 'utf8');
  } catch {
    // There is no /proc outside Linux, and then no sweep either.
  }
  return `${process.pid} ${startTimeIn(stat) ?? ''}`;
}

/** A file of /proc: a process that ends while it is read reads as empty. */
export async function readOrEmpty(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return '';
    throw error;
  }
}
