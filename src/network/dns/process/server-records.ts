/**
 * The DNS servers of a host and cluster, on disk: each writes a record before it does anything, and
 * removes it when it ends. A record whose process is gone is left over. No other process is ever
 * signalled: a process is known by its id, its start time and the boot of the machine.
 */
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { readOrEmpty, startTimeOf } from '../../../base/child-processes/process-identity.ts';
import { isRecord, parsedJson } from '../../../base/json.ts';
import { readIfThere, writePrivateFile } from '../../../base/private-file.ts';
import { socketPath } from '../../../base/socket-path.ts';

export interface ServerRecord {
  readonly id: string;
  readonly pid: number;
  readonly startTime: string;
  readonly boot: string;
  readonly socket: string;
}

const SUFFIX = '.server.json';
const pathOf = (directory: string, id: string): string => join(directory, `${id}${SUFFIX}`);

/** Writes the record of this process. */
export async function recordThisServer(directory: string, id: string): Promise<ServerRecord> {
  const record = {
    id,
    pid: process.pid,
    startTime: (await startTimeOf(process.pid)) ?? '',
    boot: await bootOf(),
    socket: await socketPath(directory, `${id}.sock`),
  };
  await writePrivateFile(pathOf(directory, id), `${JSON.stringify(record)}\n`);
  return record;
}

export const isRecorded = async (directory: string, id: string): Promise<boolean> =>
  (await readIfThere(pathOf(directory, id))) !== undefined;

export async function readServerRecords(directory: string): Promise<readonly ServerRecord[]> {
  const names = await readdir(directory).catch(() => []);
  const found = await Promise.all(
    names
      .filter((name) => name.endsWith(SUFFIX))
      .map(async (name) => parseRecord(parsedJson((await readIfThere(join(directory, name))) ?? ''))),
  );
  return found.flatMap((record) => record ?? []);
}

export async function removeServerRecord(directory: string, { id, socket }: ServerRecord): Promise<void> {
  await rm(socket, { force: true });
  await rm(pathOf(directory, id), { force: true });
}

export async function isAlive({ pid, startTime, boot }: ServerRecord): Promise<boolean> {
  return startTime !== '' && boot === (await bootOf()) && (await startTimeOf(pid)) === startTime;
}

/** Ends a server that does not listen to its agent; nothing else that has its id by now. */
export async function killServer(record: ServerRecord): Promise<void> {
  if (record.pid === process.pid || !(await isAlive(record))) return;
  try {
    process.kill(record.pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

const bootOf = async (): Promise<string> => (await readOrEmpty('/proc/sys/kernel/random/boot_id')).trim();

function parseRecord(value: unknown): ServerRecord | undefined {
  if (!isRecord(value)) return undefined;
  const { id, pid, startTime, boot, socket } = value;
  const texts = [id, startTime, boot, socket];
  if (!texts.every((text) => typeof text === 'string') || typeof pid !== 'number' || pid <= 1)
    return undefined;
  return value as unknown as ServerRecord;
}
