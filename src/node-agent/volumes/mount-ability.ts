/**
 * Finds out whether the engine sees what the agent mounts. An agent without rights, or in a
 * container whose mounts stay inside, cannot mount for it. A mount is made, and the engine is asked
 * for it.
 */
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makeDirectory } from '../../base/make-directory.ts';
import { goWords } from '../../base/go-words.ts';
import type { Logger } from '../../base/logger.ts';
import { listMountsBelow, mountMemory, unmount } from './mounts.ts';

export type MountAbility = { readonly ok: true } | { readonly ok: false; readonly why: string };

export interface MountAbilityOptions {
  /** The agent's directory; the engine sees it under the same path. */
  readonly dataDir: string;
  readonly isRoot: boolean;
  /** Whether the engine finds a file or directory at this path. */
  engineSees(path: string): Promise<boolean>;
  readonly logger: Logger;
}

const PROBE_SIZE_BYTES = 4_096;

/** Asked once: neither rights nor propagation change at run time. A failure is asked again. */
export function createMountAbility(options: MountAbilityOptions): () => Promise<MountAbility> {
  let answer: Promise<MountAbility> | undefined;
  return () => {
    answer ??= find(options).catch((error: unknown) => {
      answer = undefined;
      throw error;
    });
    return answer;
  };
}

async function find(options: MountAbilityOptions): Promise<MountAbility> {
  const no = (why: string): MountAbility => {
    options.logger.warn({ why }, 'The agent cannot mount: sub-paths of what pods write are refused');
    return { ok: false, why };
  };
  if (!options.isRoot) return no('the agent does not run as root');
  const probe = join(options.dataDir, 'mount-check');
  const seen = join(probe, 'seen');
  await makeDirectory(probe, 0o700);
  try {
    await mountMemory(probe, PROBE_SIZE_BYTES, 0o700);
  } catch (error) {
    return no(`the agent may not mount: ${goWords(error)}`);
  }
  try {
    await mkdir(seen);
    if (await options.engineSees(seen)) return { ok: true };
    return no(
      `the engine does not see what the agent mounts below "${dirname(probe)}" ` +
        '(give the container of the agent this directory with bind-propagation=rshared)',
    );
  } finally {
    // The directory stays: a full disk would have no room for it the next time.
    for (const point of await listMountsBelow(probe)) await unmount(point);
  }
}
