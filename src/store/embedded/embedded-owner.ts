/** Stops a redis-server whose owner was killed: only one whose command line names our socket. */
import { rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { readOrEmpty } from '../../base/child-processes/process-identity.ts';
import { uninterrupted } from '../../base/abort.ts';
import { type Clock, sleep } from '../../base/clock.ts';
import { UserError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';

/** How long a stale server may take to sync its file and go. */
const STOP_TIMEOUT_MS = 15_000;
const POLL_MS = 25;
/** A local server that does not answer in this time is busy loading, or stopped. */
const ANSWER_TIMEOUT_MS = 2_000;

export interface StaleServer {
  readonly dir: string;
  readonly socket: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Stops the server that an earlier owner left behind, and removes its socket. */
export async function stopStaleServer({ dir, socket, clock, logger }: StaleServer): Promise<void> {
  const pid = Number((await readOrEmpty(join(dir, 'redis.pid'))).trim());
  const isOurs = async (): Promise<boolean> =>
    pid > 1 && (await readOrEmpty(`/proc/${pid}/cmdline`)).split('\0').join(' ').includes(socket);
  if (await isOurs()) {
    logger.info({ pid }, 'Stopping the redis-server that an earlier run left behind');
    // SIGTERM lets it sync its append-only file; one that is stopped or stuck gets SIGKILL in the
    // end.
    signal(pid, 'SIGTERM');
    const deadline = clock.now() + STOP_TIMEOUT_MS;
    while (await isOurs()) {
      if (clock.now() > deadline) signal(pid, 'SIGKILL');
      await sleep(clock, POLL_MS, uninterrupted);
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
