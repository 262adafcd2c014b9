/**
 * Ends children that a killed process left behind; called when a control plane or an agent starts.
 * It ends only processes of this user with our mark in our own PID namespace (elsewhere the owner's
 * id means another process), whose owner is dead. Redis, which has something to save, is left to
 * store/embedded/embedded-owner.ts. A DNS server outlives its agent (network/dns).
 */
import { readdir, readlink } from 'node:fs/promises';
import { MARK, readOrEmpty, startTimeOf } from './process-identity.ts';

/** How many were ended. */
export async function endOrphans(): Promise<number> {
  const namespace = await namespaceOf('self');
  if (namespace === undefined) return 0;
  let ended = 0;
  for (const name of await readdir('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === process.pid || !(await isOrphan(pid, namespace))) continue;
    try {
      process.kill(pid, 'SIGKILL');
      ended += 1;
    } catch {
      // It has ended by itself.
    }
  }
  return ended;
}

const OUTLIVE: readonly (string | undefined)[] = ['redis', 'dns'];

async function isOrphan(pid: number, namespace: string): Promise<boolean> {
  const environment = await readOrEmpty(`/proc/${pid}/environ`).catch(() => '');
  const mark = environment.split('\0').find((variable) => variable.startsWith(`${MARK}=`));
  if (mark === undefined || (await namespaceOf(pid)) !== namespace) return false;
  const [purpose, owner, startTime] = mark.slice(MARK.length + 1).split(' ');
  return (
    !OUTLIVE.includes(purpose) && (await startTimeOf(Number(owner)).catch(() => startTime)) !== startTime
  );
}

/** Undefined where there is no /proc, or for a process of another user. */
async function namespaceOf(pid: number | 'self'): Promise<string | undefined> {
  try {
    return await readlink(`/proc/${pid}/ns/pid`);
  } catch {
    return undefined;
  }
}
