/**
 * Selects the manifests of a tree. Symlinks and submodules are named in a warning and not followed.
 * A link named like a kustomization or a chart is read as text, since it tells the type of the
 * folder. Hidden files and folders (`.github`) are not manifests.
 */
import type { ApplicationSource } from '../../schemas/types.ts';
import { hasToolName, isManifestPath } from '../../schemas/manifest/index.ts';
import type { TreeEntry } from '../git/types.ts';
import { compileWildcard } from './wildcard.ts';

const SYMLINK = '120000';
const SUBMODULE = '160000';

export type Selection = 'manifest' | 'symlink' | 'submodule' | 'other';

/** Decides by the name; symlinks and submodules are not manifests. */
export const isManifestFile = ({ path, mode }: TreeEntry): boolean =>
  isManifestPath(path) && mode !== SUBMODULE && mode !== SYMLINK;

/** A function of an entry whose path is relative to the source's folder. */
export function compileSelection(directory: ApplicationSource['directory']): (entry: TreeEntry) => Selection {
  const recurse = directory?.recurse ?? false;
  const include = directory?.include ? compileWildcard(directory.include) : undefined;
  const exclude = directory?.exclude ? compileWildcard(directory.exclude) : undefined;
  return ({ path, mode }) => {
    if (!recurse && path.includes('/')) return 'other';
    if (path.split('/').some((segment) => segment.startsWith('.'))) return 'other';
    if (exclude?.(path) || (include && !include(path))) return 'other';
    if (mode === SUBMODULE) return 'submodule';
    if (mode === SYMLINK) return hasToolName(path) ? 'manifest' : 'symlink';
    return isManifestPath(path) ? 'manifest' : 'other';
  };
}
