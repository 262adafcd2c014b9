/**
 * The last step before a container with sub-paths is created: makes missing directories and proves that no symbolic link
 * on the way leads out of the volume (another container of the pod may have put one there). What is returned is the real
 * path, free of links, to be mounted in place of the planned one.
 */
import { lstat, mkdir, realpath } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { withoutTrailing } from '../../base/text.ts';
import type { SubPath } from '../container-spec/plan-mounts.ts';

/** Throws when the path leads out of the volume or cannot be made. */
export async function prepareSubPath({ volumePath, relative }: SubPath): Promise<string> {
  const root = await realpath(volumePath);
  let path = root;
  for (const part of relative.split('/')) {
    const next = join(path, part);
    const existing = await lstat(next).catch(() => undefined);
    if (!existing) {
      await mkdir(next, { mode: 0o750 });
      path = next;
      continue;
    }
    path = await realpath(next);
    if (path !== root && !path.startsWith(root + sep)) {
      throw new Error(`failed to prepare subPath "${relative}": it leads out of the volume`);
    }
  }
  return path;
}

/** Replaces the planned sources of sub-path mounts by the proven ones. */
export async function resolveSubPaths<M extends { readonly source: string }>(
  mounts: readonly M[],
  subPaths: readonly SubPath[],
): Promise<readonly M[]> {
  const proven = new Map<string, string>();
  for (const subPath of subPaths) {
    const planned = `${withoutTrailing(subPath.volumePath, '/')}/${subPath.relative}`;
    proven.set(planned, await prepareSubPath(subPath));
  }
  return mounts.map((mount) => ({ ...mount, source: proven.get(mount.source) ?? mount.source }));
}
