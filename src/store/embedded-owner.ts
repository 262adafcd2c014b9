/**
 * Who owns a directory with an embedded redis-server, and what becomes of a server whose owner was killed.
 *
 * `owner.json` names the owner by pid and start time (pids are used again). A server is only stopped when it answers on
 * our socket and works in our directory, or when its command line names our socket: never a stranger.
 */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { type Clock, sleep } from '../base/clock.ts';
import { isRecord } from '../base/json.ts';
import { UserError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';

const OWNER_FILE = 'owner.json';
/** How long a stale server may take to sync its file and go. */
const STOP_TIMEOUT_MS = 15_000;
const POLL_MS = 25;
/** A local server that does not answer in this time is busy loading, or stopped. */
const ANSWER_TIMEOUT_MS = 2_000;

/** The process that runs Redis in this directory. */
export async function livingOwnerOf(dir: string): Promise<number | undefined> {
  const owner = parseOwner(await readOrEmpty(join(dir, OWNER_FILE)));
  return owner && owner.startTime === (await startTimeOf(owner.pid)) ? owner.pid : undefined;
}

/** Throws UserError while another living process owns the directory. */
export async function claimDirectory(dir: string): Promise<void> {
  const path = join(dir, OWNER_FILE);
  const living = await livingOwnerOf(dir);
  if (living !== undefined && living !== process.pid) {
    throw new UserError(`Cannot use "${dir}": process ${living} runs Redis there`);
  }
  const startTime = await startTimeOf(process.pid);
  await writeFile(path, `${JSON.stringify({ pid: process.pid, startTime })}\n`, { mode: 0o600 });
}

export async function releaseDirectory(dir: string): Promise<void> {
  await rm(join(dir, OWNER_FILE), { force: true });
}

export interface StaleServer {
  readonly dir: string;
  readonly socket: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Stops the server that an earlier owner left behind, if there is one, and clears away its socket. */
export async function stopStaleServer({ dir, socket, clock, logger }: StaleServer): Promise<void> {
  const pid = Number((await readOrEmpty(join(dir, 'redis.pid'))).trim());
  const isOurs = async (): Promise<boolean> =>
    pid > 1 && (await readOrEmpty(`/proc/${pid}/cmdline`)).split('\0').join(' ').includes(socket);
  if (await isOurs()) {
    logger.info({ pid }, 'Stopping the redis-server that an earlier run left behind');
    // SIGTERM lets it sync its append-only file; one that is stopped or stuck gets SIGKILL in the end.
    signal(pid, 'SIGTERM');
    const deadline = clock.now() + STOP_TIMEOUT_MS;
    while (await isOurs()) {
      if (clock.now() > deadline) signal(pid, 'SIGKILL');
      await sleep(clock, POLL_MS);
    }
  }
  if (await pingSocket(socket)) {
    throw new UserError(`Cannot use "${socket}": another server answers there`);
  }
  await rm(socket, { force: true });
}

/** Whether a server on the socket serves commands by now (false while it loads its data). */
export function pingSocket(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    const finish = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(ANSWER_TIMEOUT_MS, () => finish(false));
    socket.once('error', () => finish(false));
    socket.once('close', () => finish(false));
    socket.once('connect', () => socket.write('PING\r\n'));
    socket.once('data', (data) => finish(data.toString('latin1').startsWith('+PONG')));
  });
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** When a process started, in clock ticks since boot (proc(5), field 22); undefined when there is none. */
export async function startTimeOf(pid: number): Promise<string | undefined> {
  const stat = await readOrEmpty(`/proc/${pid}/stat`);
  // The command's name, in parentheses, may hold spaces.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  // A zombie has ended; only its parent does not know yet.
  return fields[0] === 'Z' ? undefined : fields[19];
}

function parseOwner(text: string): { readonly pid: number; readonly startTime: string } | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (!isRecord(value)) return undefined;
    const { pid, startTime } = value;
    return typeof pid === 'number' && typeof startTime === 'string' ? { pid, startTime } : undefined;
  } catch {
    // Written half: whoever wrote it is dead.
    return undefined;
  }
}

async function readOrEmpty(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return '';
    throw error;
  }
}
