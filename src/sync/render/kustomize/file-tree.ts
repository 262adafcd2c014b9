/**
 * Files by their path from a root, with symbolic links followed inside the root only.
 */
import type { FolderEntry } from '../../git/types.ts';
import type { SourceTree } from '../types.ts';

export interface FileTree {
  /** The id of a folder; an equal id means equal contents. Undefined where none is, or no id is known. */
  folderId(path: string): Promise<string | undefined>;
  /** The entries of a folder whose path has no link; undefined where there is no such folder. */
  folder(path: string): Promise<ReadonlyMap<string, FolderEntry> | undefined>;
  /** The contents of files or links, by the ids of their entries. */
  read(ids: readonly string[]): Promise<readonly Buffer[]>;
}

export const FOLDER = '40000';
export const LINK = '120000';
const SUBMODULE = '160000';

export interface Found {
  /** Without links. */
  readonly path: string;
  readonly mode: string;
  readonly id: string;
}

export type Lookup = Found | { readonly missing: string };

/** Chains of links are shorter. The bound ends a link that leads to itself. */
const MAX_LINKS = 40;

export function commitTree({ mirror, commit }: Pick<SourceTree, 'mirror' | 'commit'>): FileTree {
  const folders = new Map<string, ReadonlyMap<string, FolderEntry> | undefined>();
  return {
    folderId: (path) => mirror.treeId(commit, path),
    async folder(path) {
      if (folders.has(path)) return folders.get(path);
      const id = await mirror.treeId(commit, path);
      const entries = id === undefined ? undefined : await mirror.folder(id);
      const byName = entries && new Map(entries.map((entry) => [entry.name, entry]));
      folders.set(path, byName);
      return byName;
    },
    read: (ids) => mirror.readBlobs(ids),
  };
}

/**
 * Notes each link on the way, with the place where it leads, and the folders whose entries decide
 * where the paths lead.
 */
export interface Trail {
  readonly links: Map<string, string>;
  readonly folders: Set<string>;
}

/** `from`: the folder that a relative path begins in, without links. */
export async function lookUp(tree: FileTree, trail: Trail, from: string, path: string): Promise<Lookup> {
  return walk(tree, trail, from === '' ? [] : from.split('/'), path, { links: 0 });
}

async function walk(
  tree: FileTree,
  trail: Trail,
  from: readonly string[],
  path: string,
  budget: { links: number },
): Promise<Lookup> {
  if (path.startsWith('/')) return { missing: 'is an absolute path' };
  let at = [...from];
  let found: Lookup = { path: at.join('/'), mode: FOLDER, id: '' };
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (found.mode !== FOLDER) return { missing: 'is not in the repository' };
    if (part === '..') {
      if (at.length === 0) return { missing: 'leads out of the repository' };
      at = at.slice(0, -1);
      found = { path: at.join('/'), mode: FOLDER, id: '' };
      continue;
    }
    const folder = at.join('/');
    const entry = (await tree.folder(folder))?.get(part);
    if (entry?.mode !== FOLDER) trail.folders.add(folder);
    if (!entry) return { missing: 'is not in the repository' };
    if (entry.mode === SUBMODULE) return { missing: 'is in a submodule, which is not fetched' };
    at = [...at, part];
    found = { path: at.join('/'), mode: entry.mode, id: entry.id };
    if (entry.mode !== LINK) continue;
    if ((budget.links += 1) > MAX_LINKS) return { missing: 'is a symbolic link that leads in a circle' };
    const [target] = await tree.read([entry.id]);
    const led = await walk(tree, trail, at.slice(0, -1), target?.toString('utf8') ?? '', budget);
    if ('missing' in led) return { missing: `is a symbolic link whose target ${led.missing}` };
    trail.links.set(found.path, led.path);
    found = led;
    at = led.path === '' ? [] : led.path.split('/');
  }
  return found;
}
