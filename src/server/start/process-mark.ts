/** Marks this process, so that a later one can tell whether it runs, as pids are used again. */
import { readFile, readlink } from 'node:fs/promises';
import { startTimeOf } from '../../base/child-processes/process-identity.ts';

export interface ProcessMark {
  /** The boot and the pid namespace: in another one the pid means something else. */
  readonly realm: string;
  readonly pid: number;
  /** Clock ticks since boot (proc(5), field 22). */
  readonly startTime: string | undefined;
}

export async function ownProcess(): Promise<ProcessMark> {
  return { realm: await ownRealm(), pid: process.pid, startTime: await startTimeOf(process.pid) };
}

/** Whether the process has certainly ended; false where that cannot be known. */
export async function isGone(mark: ProcessMark): Promise<boolean> {
  const { realm, pid, startTime } = mark;
  if (startTime === undefined || !Number.isInteger(pid) || pid < 1) return false;
  return realm === (await ownRealm()) && startTime !== (await startTimeOf(pid));
}

async function ownRealm(): Promise<string> {
  const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8');
  return `${boot.trim()} ${await readlink('/proc/self/ns/pid')}`;
}
