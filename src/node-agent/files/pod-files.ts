/** Writes the agent's files of a pod: hosts, resolv.conf and termination logs. */
import { constants } from 'node:fs';
import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeDirectory } from '../../base/make-directory.ts';
import { podDirectory } from '../volumes/plan-volumes.ts';
import { oneName } from './held-directory.ts';
import type { PodFileTexts } from './pod-file-texts.ts';
import { readTail } from './read-bounded.ts';

/** Kubernetes shows at most 4096 bytes of a termination message, the last ones. */
const TERMINATION_MESSAGE_LIMIT_BYTES = 4096;
/** Containers can write these files: a link is not followed, and a pipe is not waited for. */
const WRITE_SAFELY = constants.O_WRONLY | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK;

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
  return join(podDirectory(podsDir, podUid), 'containers', oneName(container), `${attempt}.log`);
}

/** Overwritten in place: containers have bound the file itself, and would not follow a rename. */
export async function writePodFiles(paths: PodFilePaths, texts: PodFileTexts): Promise<void> {
  await makeDirectory(join(paths.hosts, '..'), 0o755);
  for (const [path, text] of [
    [paths.hosts, texts.hosts],
    [paths.resolvConf, texts.resolvConf],
  ] as const) {
    const wanted = Buffer.from(text);
    // One byte more than is wanted tells that there is more.
    const existing = await readTail(path, wanted.length + 1);
    if (!existing?.equals(wanted))
      await writeFile(path, wanted, { mode: 0o644, flag: WRITE_SAFELY | constants.O_TRUNC });
  }
}

/** Makes the file for the container's last words, writable by any user. */
export async function ensureTerminationLog(path: string): Promise<void> {
  await makeDirectory(join(path, '..'), 0o755);
  const file = await open(path, WRITE_SAFELY);
  try {
    await file.chmod(0o666);
  } finally {
    await file.close();
  }
}

/** The container's last words; empty if it left none. */
export async function readTerminationLog(path: string): Promise<string> {
  return (await readTail(path, TERMINATION_MESSAGE_LIMIT_BYTES))?.toString('utf8') ?? '';
}
