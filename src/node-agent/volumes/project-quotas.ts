/**
 * Limits of local volumes by project quotas, with the host's programs. Where the file system, the
 * programs or the rights are missing, volumes have no limits, and the Node says why.
 */
import { mkdir, readdir, realpath, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { readChild } from '../../base/child-processes/child-process.ts';
import { goWords } from '../../base/go-words.ts';
import type { Logger } from '../../base/logger.ts';
import { makeDirectory } from '../../base/make-directory.ts';
import { createSlots } from '../../base/slots.ts';
import { isCode } from '../files/held-directory.ts';
import { listMounts, type Mount } from './mounts.ts';
import {
  isOwnProject,
  isUnused,
  limitKib,
  parseProject,
  planQuotaPlace,
  projectsFor,
} from './plan-project-quota.ts';

export interface ProjectQuotas {
  /** Why sizes are no limits here; undefined where they are. */
  problem(): Promise<string | undefined>;
  /** Gives an empty directory a project, which all that is made in it inherits. */
  allot(path: string): Promise<void>;
  /** Sets the limit of a directory that has a project of ours; others are left alone. */
  limit(path: string, bytes: number): Promise<void>;
  /** Frees the project of a directory that is about to be removed. */
  release(path: string): Promise<void>;
}

export interface ProjectQuotaOptions {
  /** The directory that holds the volumes, and its mode when it is made. */
  readonly root: string;
  readonly rootMode: number;
  readonly logger: Logger;
  /** Runs a program of the host and answers its output. */
  readonly run?: (program: string, args: readonly string[]) => Promise<string>;
  readonly mounts?: () => Promise<readonly Mount[]>;
}

/** The programs ask the kernel only. */
const TIMEOUT_MS = 30_000;
/** Tried before the first volume, with everything that volumes need. No volume has this name. */
const TRIAL = '.quota-check';
const TRIAL_BYTES = 1_048_576;
const NO_LIMITS = 'The sizes of local volumes are no limits';
const runProgram: NonNullable<ProjectQuotaOptions['run']> = (program, args) =>
  readChild('quota', program, args, { timeoutMs: TIMEOUT_MS });

export function createProjectQuotas(options: ProjectQuotaOptions): ProjectQuotas {
  const { root, rootMode, logger, run = runProgram, mounts = listMounts } = options;
  /** Between the check of a number and its use no other directory may take it. */
  const allotting = createSlots(1);
  let device = '';
  let answer: Promise<string | undefined> | undefined;

  const projectOf = async (path: string): Promise<number> =>
    parseProject(await run('lsattr', ['-p', '-d', path]));
  const setLimit = (project: number, kib: number): Promise<string> =>
    run('setquota', ['-P', String(project), '0', String(kib), '0', '0', device]);

  async function allot(path: string): Promise<void> {
    const current = await projectOf(path);
    if (isOwnProject(current)) return;
    // The owner of the host may limit the directory above.
    if (current !== 0) throw new Error(`"${path}" is in the project ${current} of somebody else`);
    for (const project of projectsFor(path)) {
      const shown = await run('quota', ['-P', '-v', '-w', '-p', '-l', String(project)]);
      if (!isUnused(shown, device)) continue;
      await run('chattr', ['-p', String(project), '+P', path]);
      return;
    }
    throw new Error(`Cannot find a free project for "${path}"`);
  }

  async function limit(path: string, bytes: number): Promise<void> {
    const project = await projectOf(path);
    if (isOwnProject(project)) await setLimit(project, limitKib(bytes));
  }

  async function release(path: string): Promise<void> {
    const project = await projectOf(path);
    if (isOwnProject(project)) await setLimit(project, 0);
  }

  async function find(): Promise<string | undefined> {
    // Until the first volume there is only the directory above.
    const there = await realpath(root).catch(() => realpath(dirname(root)));
    const place = planQuotaPlace(await mounts(), there);
    if (!place.ok) {
      logger.info({ why: place.why }, NO_LIMITS);
      return place.why;
    }
    ({ device } = place);
    await makeDirectory(root, rootMode);
    const trial = join(root, TRIAL);
    await mkdir(trial).catch((error: unknown) => {
      if (!isCode(error, 'EEXIST')) throw error;
    });
    try {
      await allot(trial);
      await limit(trial, TRIAL_BYTES);
      await release(trial);
      logger.info({ device }, 'The sizes of local volumes are limits');
      return undefined;
    } catch (error) {
      const why = `${goWords(error)} (project quotas need root and the packages e2fsprogs and quota)`;
      logger.warn({ why }, NO_LIMITS);
      return why;
    } finally {
      await rmdir(trial);
    }
  }

  /** Asked once. A disk that cannot be written is asked again. */
  function problem(): Promise<string | undefined> {
    answer ??= find().catch((error: unknown) => {
      answer = undefined;
      throw error;
    });
    return answer;
  }

  /** Nothing is lost where this cannot be found out now: the limit that was set holds. */
  const isKnownGood = async (): Promise<boolean> => (await problem().catch(() => 'unknown')) === undefined;
  return {
    problem,
    async allot(path) {
      if ((await problem()) !== undefined || (await readdir(path)).length > 0) return;
      await allotting.run(() => allot(path));
    },
    async limit(path, bytes) {
      if (await isKnownGood()) await limit(path, bytes);
    },
    async release(path) {
      if (!(await isKnownGood())) return;
      await release(path).catch((error: unknown) =>
        logger.warn({ path, error: goWords(error) }, 'Cannot free the project of a volume'),
      );
    },
  };
}
