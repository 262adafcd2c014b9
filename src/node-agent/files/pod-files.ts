/** Writes the files that the agent keeps for a pod: hosts, resolv.conf and one termination log per container attempt. */
import { chmod, mkdir, open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { podDirectory } from '../volumes/plan-volumes.ts';

/** Kubernetes shows at most 4096 bytes of a termination message, the last ones. */
const TERMINATION_MESSAGE_LIMIT_BYTES = 4096;

export interface PodFilePaths {
  readonly hosts: string;
  readonly resolvConf: string;
}

export function podFilePaths(podsDir: string, podUid: string): PodFilePaths {
  const directory = podDirectory(podsDir, podUid);
  return { hosts: join(directory, 'etc-hosts'), resolvConf: join(directory, 'resolv.conf') };
}

export function terminationLogPath(
  podsDir: string,
  podUid: string,
  container: string,
  attempt: number,
): string {
  return join(podDirectory(podsDir, podUid), 'containers', container, `${attempt}.log`);
}

/** Overwritten in place: the containers have bound the file itself, and a rename would leave them with the old one. */
export async function writePodFiles(
  paths: PodFilePaths,
  texts: { readonly hosts: string; readonly resolvConf: string },
): Promise<void> {
  await mkdir(join(paths.hosts, '..'), { recursive: true, mode: 0o755 });
  for (const [path, text] of [
    [paths.hosts, texts.hosts],
    [paths.resolvConf, texts.resolvConf],
  ] as const) {
    const existing = await readFile(path, 'utf8').catch(() => undefined);
    if (existing !== text) await writeFile(path, text, { mode: 0o644 });
  }
}

/** Makes the file that the container may write its last words to, whoever its user is. */
export async function ensureTerminationLog(path: string): Promise<void> {
  await mkdir(join(path, '..'), { recursive: true, mode: 0o755 });
  const file = await open(path, 'a');
  await file.close();
  await chmod(path, 0o666);
}

/** What the container left there; empty when it left nothing. */
export async function readTerminationLog(path: string): Promise<string> {
  try {
    const file = await open(path, 'r');
    try {
      const { size } = await file.stat();
      const length = Math.min(size, TERMINATION_MESSAGE_LIMIT_BYTES);
      const buffer = Buffer.alloc(length);
      const { bytesRead } = await file.read(buffer, 0, length, size - length);
      return buffer.subarray(0, bytesRead).toString('utf8');
    } finally {
      await file.close();
    }
  } catch {
    return '';
  }
}
