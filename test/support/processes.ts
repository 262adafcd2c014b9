/** The processes of this machine, from /proc. */
import { readFileSync, readdirSync } from 'node:fs';

export interface ProcessSeen {
  readonly pid: number;
  readonly command: string;
  readonly residentBytes: number;
}

const read = (path: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
};

/** Processes in whose environment the text stands. Zombies have none. */
export function processesWith(text: string): readonly ProcessSeen[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && read(`/proc/${name}/environ`).includes(text))
    .map((name) => ({
      pid: Number(name),
      command: read(`/proc/${name}/cmdline`).replaceAll('\0', ' ').trim(),
      residentBytes: Number(read(`/proc/${name}/statm`).split(' ')[1] ?? 0) * 4_096,
    }));
}

export const isAlive = (pid: number): boolean => read(`/proc/${pid}/cmdline`).length > 0;

/** Waits for a condition; the test's own time-out ends the wait. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 10));
}
