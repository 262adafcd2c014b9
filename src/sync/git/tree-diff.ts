/**
 * The differences between two trees, from the object database. Only folders whose ids differ are
 * read, and no process is started. A rename is a file that goes and one that comes.
 */
import { byPath } from './parse-output.ts';
import type { FolderEntry, TreeChange, TreeEntry } from './types.ts';

export interface TreeReader {
  /** The entries of a tree; rejects when there is none of that id. */
  tree(id: string): Promise<readonly FolderEntry[]>;
  /** The size of a blob. */
  sizeOf(id: string): Promise<number>;
}

/** Manifests change less than this. The bound also ends a tree that unfolds without end. */
const MAX_CHANGES = 500_000;
const DIRECTORY = '40000';
const SUBMODULE = '160000';

/** A tree object repeats `<mode> SP <name> NUL <id>`; an id is half as many bytes as its text. */
export function parseTree(contents: Buffer, idBytes: number): readonly FolderEntry[] {
  const entries: FolderEntry[] = [];
  for (let at = 0; at < contents.length; ) {
    const space = contents.indexOf(0x20, at);
    const end = contents.indexOf(0, space);
    if (space < 0 || end < 0 || end + idBytes >= contents.length) break;
    entries.push({
      mode: contents.toString('latin1', at, space),
      name: contents.toString('utf8', space + 1, end),
      id: contents.toString('hex', end + 1, end + 1 + idBytes),
    });
    at = end + 1 + idBytes;
  }
  return entries;
}

/** Sorted by path; a folder is its files. */
export async function diffTrees(
  reader: TreeReader,
  from: string,
  to: string,
): Promise<readonly TreeChange[]> {
  const gone: string[] = [];
  const present: Omit<TreeEntry, 'sizeBytes'>[] = [];

  async function compare(
    before: string | undefined,
    after: string | undefined,
    folder: string,
  ): Promise<void> {
    if (before === after) return;
    const [old, now] = await Promise.all([entriesOf(before), entriesOf(after)]);
    const inside: [string | undefined, string | undefined, string][] = [];
    for (const name of new Set([...old.keys(), ...now.keys()])) {
      const [was, is] = [old.get(name), now.get(name)];
      if (was?.id === is?.id && was?.mode === is?.mode) continue;
      const path = folder + name;
      const wasFolder = was?.mode === DIRECTORY;
      const isFolder = is?.mode === DIRECTORY;
      if (wasFolder || isFolder)
        inside.push([wasFolder ? was.id : undefined, isFolder ? is.id : undefined, `${path}/`]);
      if (is && !isFolder) present.push({ path, mode: is.mode, blobId: is.id });
      else if (was && !wasFolder) gone.push(path);
    }
    if (gone.length + present.length > MAX_CHANGES)
      throw new RangeError(`Cannot compare two trees: more than ${MAX_CHANGES} files differ`);
    for (const folders of inside) await compare(...folders);
  }

  const entriesOf = async (id: string | undefined): Promise<ReadonlyMap<string, FolderEntry>> =>
    new Map(id === undefined ? [] : (await reader.tree(id)).map((entry) => [entry.name, entry]));

  await compare(from, to, '');
  const changes = await Promise.all(
    present.map(async (entry): Promise<TreeChange> => {
      const sizeBytes = entry.mode === SUBMODULE ? 0 : await reader.sizeOf(entry.blobId);
      return { path: entry.path, entry: { ...entry, sizeBytes } };
    }),
  );
  const removed = gone.map((path): TreeChange => ({ path, entry: undefined }));
  return [...changes, ...removed].sort(byPath);
}
