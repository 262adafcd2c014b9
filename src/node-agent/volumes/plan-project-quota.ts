/**
 * Project quotas of ext4 and XFS, pure: where they work, and the number of a directory's project.
 * The number follows from the directory's path, so that agents that share a file system choose
 * apart. What counts is the number at the directory: it needs no record of its own.
 */
import { createHash } from 'node:crypto';
import type { Mount } from './mounts.ts';

export type QuotaPlace =
  | { readonly ok: true; readonly device: string }
  | { readonly ok: false; readonly why: string };

/** Both show the option as `prjquota`, however it was given. XFS' `pqnoenforce` only counts. */
const OPTION = 'prjquota';
const FILE_SYSTEMS: readonly string[] = ['ext4', 'xfs'];

/** The file system that holds a directory. */
export function planQuotaPlace(mounts: readonly Mount[], directory: string): QuotaPlace {
  let found: Mount = { point: '', type: 'unknown', source: '', options: [] };
  for (const mount of mounts) {
    const { point } = mount;
    const holdsIt = point === '/' || directory === point || directory.startsWith(`${point}/`);
    if (holdsIt && point.length >= found.point.length) found = mount;
  }
  const { type, source, options } = found;
  if (!FILE_SYSTEMS.includes(type))
    return { ok: false, why: `the file system ${type} has no project quotas` };
  if (!options.includes(OPTION))
    return { ok: false, why: `the file system (${type}) is not mounted with the option ${OPTION}` };
  return { ok: true, device: source };
}

/**
 * Docker and kubelet count upwards, from 1 and from 1048577; neither comes this far. The tools read
 * numbers up to 2^31.
 */
const FIRST_PROJECT = 2 ** 30;
const PROJECTS = 2 ** 30;
/** Numbers to try. With a million directories, one of a thousand is taken. */
const MAX_TRIES = 16;

export const isOwnProject = (project: number): boolean =>
  project >= FIRST_PROJECT && project < FIRST_PROJECT + PROJECTS;

/** The numbers to try for a directory, in this order. */
export function projectsFor(directory: string): readonly number[] {
  const start = createHash('sha256').update(directory).digest().readUInt32BE();
  return Array.from({ length: MAX_TRIES }, (_, index) => FIRST_PROJECT + ((start + index) % PROJECTS));
}

/** Reads a line of `lsattr -p -d`: the project of one directory, its flags and its path. */
export function parseProject(text: string): number {
  const project = /^\s*(\d+)\s/.exec(text)?.[1];
  if (project === undefined) throw new Error(`Cannot read the project of a directory: "${text.trim()}"`);
  return Number(project);
}

/** Whether `quota -v` shows neither use nor limits of a project on the device. */
export function isUnused(text: string, device: string): boolean {
  const rows = text.split('\n').map((line) => line.trim().split(/\s+/));
  const numbers = rows.find(([name]) => name === device)?.slice(1);
  if (!numbers?.length) throw new Error(`Cannot read the quotas of "${device}"`);
  return numbers.every((number) => number === '0');
}

/** The system counts in KiB; a limit of 0 would be none. */
export const limitKib = (bytes: number): number => Math.max(1, Math.ceil(bytes / 1_024));
