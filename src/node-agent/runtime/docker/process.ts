/** Ends a process that an exec left behind, if it is this container's. The Engine has no call. */
import { readFile } from 'node:fs/promises';

export async function killContainerProcess(containerId: string, pid: number): Promise<boolean> {
  if (!Number.isInteger(pid) || pid <= 1) return false;
  try {
    const [cgroups, stat] = await Promise.all([
      readFile(`/proc/${pid}/cgroup`, 'utf8'),
      readFile(`/proc/${pid}/stat`, 'utf8'),
    ]);
    if (!cgroups.includes(containerId)) return false;
    // After the command name in brackets: state, parent, process group.
    const group = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[2]);
    process.kill(group === pid ? -pid : pid, 'SIGKILL');
    return true;
  } catch {
    return false;
  }
}
