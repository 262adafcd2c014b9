/**
 * Sub-paths of volumes, made safe to hand to the engine (ADR 12). The engine opens a path by name
 * when a container starts; a pod that writes the volume could replace a part of it by a link to the
 * host's files. So the agent opens the sub-path without following links, mounts what it opened into
 * a place no pod reaches, and hands the engine that place.
 *
 * A container's mounts stay until its next attempt is prepared, or its pod is taken down. They are
 * found in the mount table, so that an agent that starts again needs no memory of them.
 */
import { mkdir, realpath, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeDirectory } from '../../base/make-directory.ts';
import { goWords } from '../../base/go-words.ts';
import type { SubPath } from '../container-spec/plan-mounts.ts';
import { oneName, openInVolume } from '../files/held-directory.ts';
import { removeTree } from '../files/remove-tree.ts';
import { StepProblem } from '../ports.ts';
import type { Mount } from '../runtime/types.ts';
import type { MountAbility } from './mount-ability.ts';
import { bindDescriptor, listMountsBelow, unmount } from './mounts.ts';
import { podDirectory } from './plan-volumes.ts';

export interface AttemptOfContainer {
  readonly podUid: string;
  readonly container: string;
  readonly attempt: number;
}

export interface SubPathMounts {
  /** The mounts, with the safe sources of those that are sub-paths. Throws StepProblem. */
  resolve(
    of: AttemptOfContainer,
    mounts: readonly Mount[],
    subPaths: readonly SubPath[],
  ): Promise<readonly Mount[]>;
}

const DIRECTORY = 'volume-subpaths';

export function createSubPathMounts(options: {
  readonly podsDir: string;
  ability(): Promise<MountAbility>;
  /** For tests: called between opening a sub-path and mounting it. */
  readonly afterOpen?: () => Promise<void>;
}): SubPathMounts {
  /** Empties and makes the place of a container's mounts. */
  async function placeOf({ podUid, container, attempt }: AttemptOfContainer): Promise<string> {
    const all = join(podDirectory(options.podsDir, podUid), DIRECTORY, oneName(container));
    const place = join(all, String(attempt));
    await makeDirectory(all, 0o700);
    for (const point of await listMountsBelow(await realpath(all))) await unmount(point);
    await removeTree(all);
    await makeDirectory(place, 0o700);
    return realpath(place);
  }

  /** Answers the path that the engine may open by name. */
  async function prepare(place: string, subPath: SubPath): Promise<string> {
    const ability = await options.ability();
    if (!ability.ok && !subPath.isAgentsOwn)
      throw new Error(`it is in a volume that pods write, and ${ability.why}`);
    const { handle, isDirectory, names } = await openInVolume(subPath.volumePath, subPath.relative);
    try {
      await options.afterOpen?.();
      if (!ability.ok) return join(await realpath(subPath.volumePath), ...names);
      const target = join(place, String(subPath.mountIndex));
      if (isDirectory) await mkdir(target, { mode: 0o700 });
      else await writeFile(target, '', { flag: 'wx', mode: 0o600 });
      await bindDescriptor(handle.fd, target);
      return target;
    } finally {
      await handle.close();
    }
  }

  return {
    async resolve(of, mounts, subPaths) {
      if (subPaths.length === 0) return mounts;
      const place = await placeOf(of);
      const resolved = [...mounts];
      for (const subPath of subPaths) {
        const mount = mounts[subPath.mountIndex];
        if (!mount) continue;
        try {
          resolved[subPath.mountIndex] = { ...mount, source: await prepare(place, subPath) };
        } catch (error) {
          const what = `failed to prepare subPath for volumeMount "${subPath.volume}" of container "${of.container}"`;
          throw new StepProblem('CreateContainerConfigError', `${what}: ${goWords(error)}`, {
            cause: error,
          });
        }
      }
      return resolved;
    },
  };
}
