/** How full this machine is: /proc/meminfo and statfs. Unreadable values are left out. */
import { readFile, statfs } from 'node:fs/promises';
import type { DiskUsage, MachineUsage } from './plan-pressure.ts';

/** Directories in which engines keep images; the first that exists counts. */
const IMAGE_DIRECTORIES = ['/var/lib/docker', '/var/lib/containers', '/var/lib/containerd'];

export async function readMachineUsage(agentDirectory: string): Promise<MachineUsage> {
  const [memory, nodeFs, ...images] = await Promise.all([
    readFile('/proc/meminfo', 'utf8').catch(() => ''),
    readDisk(agentDirectory),
    ...IMAGE_DIRECTORIES.map(readDisk),
  ]);
  return {
    memoryAvailableBytes: parseAvailableBytes(memory),
    nodeFs,
    imageFs: images.find((disk) => disk !== undefined),
  };
}

/** The kernel's own estimate of what programs can still get, in KiB. */
export function parseAvailableBytes(meminfo: string): number | undefined {
  const kib = /^MemAvailable:\s+(\d+) kB$/m.exec(meminfo)?.[1];
  return kib === undefined ? undefined : Number(kib) * 1024;
}

async function readDisk(directory: string): Promise<DiskUsage | undefined> {
  const found = await statfs(directory).catch(() => undefined);
  if (!found) return undefined;
  return {
    // The share of users other than root, as `df` counts.
    freeBytes: found.bavail * found.bsize,
    totalBytes: found.blocks * found.bsize,
    freeInodes: found.ffree,
    totalInodes: found.files,
  };
}
