/**
 * A Git repository in memory, behind the same contract as the real mirror: for simulation and fast
 * tests.
 *
 * Ids are SHA-1 of the contents, so equal trees have equal ids as in Git. `commit` plays the
 * developer, `createMirror` gives the sync worker's view, which changes only when it fetches.
 */
import { append } from '../../src/base/append.ts';
import { createHash } from 'node:crypto';
import type { Clock } from '../../src/base/clock.ts';
import { TransientError, UserError } from '../../src/base/errors.ts';
import { normaliseTreePath, revisionCandidates } from '../../src/sync/git/revision.ts';
import type { GitMirror, TreeChange, TreeEntry } from '../../src/sync/git/types.ts';

export interface MemoryFile {
  readonly text: string;
  readonly mode: string;
}

export interface MemoryCommit {
  readonly id: string;
  readonly parents: readonly string[];
  readonly subject: string;
  readonly author: string;
  readonly files: ReadonlyMap<string, MemoryFile>;
}

export interface MemoryRepository {
  /** Adds a commit on top of the branch; a file that is `null` is removed. Returns its id. */
  commit(
    files: Readonly<Record<string, string | MemoryFile | null>>,
    options?: { readonly branch?: string; readonly subject?: string; readonly orphan?: boolean },
  ): string;
  /** Moves (or, with undefined, deletes) a branch, as `git push --force` does. */
  setBranch(branch: string, commit: string | undefined): void;
  setTag(tag: string, commit: string): void;
  /** While set, every fetch fails with it. */
  failFetch(error: Error | undefined): void;
  /** Notes by commit, as pushed. */
  readonly notes: ReadonlyMap<string, string>;
  readonly fetches: number;
  createMirror(): GitMirror;
}

const DEFAULT_BRANCH = 'refs/heads/main';

export function createMemoryRepository(clock: Clock): MemoryRepository {
  const commits = new Map<string, MemoryCommit>();
  const blobs = new Map<string, Buffer>();
  const refs = new Map<string, string>();
  const notes = new Map<string, string>();
  const trees = new Map<string, ReadonlyMap<string, MemoryFile>>();
  let failing: Error | undefined;
  let fetches = 0;

  const blobIdOf = (text: string): string => {
    const id = sha1(`blob ${Buffer.byteLength(text)}\0${text}`);
    if (!blobs.has(id)) blobs.set(id, Buffer.from(text));
    return id;
  };
  const below = (files: ReadonlyMap<string, MemoryFile>, path: string): ReadonlyMap<string, MemoryFile> => {
    const prefix = normaliseTreePath(path);
    if (prefix === '') return files;
    const inside = [...files].filter(([name]) => name.startsWith(`${prefix}/`));
    return new Map(inside.map(([name, file]) => [name.slice(prefix.length + 1), file]));
  };
  const entriesOf = (files: ReadonlyMap<string, MemoryFile>, prefix: string): TreeEntry[] =>
    [...files]
      .map(([path, { text, mode }]) => ({
        path: prefix + path,
        mode,
        blobId: blobIdOf(text),
        sizeBytes: Buffer.byteLength(text),
      }))
      .sort((a, b) => (a.path < b.path ? -1 : 1));
  const treeIdOf = (files: ReadonlyMap<string, MemoryFile>): string => {
    const id = sha1(
      `tree ${entriesOf(files, '')
        .map(({ path, mode, blobId }) => `${mode} ${path} ${blobId}`)
        .join('\0')}`,
    );
    trees.set(id, files);
    return id;
  };
  const commitOf = (id: string): MemoryCommit => {
    const found = commits.get(id);
    if (!found) throw new TransientError(`Cannot read commit "${id}" from the mirror: it is missing`);
    return found;
  };

  function createMirror(): GitMirror {
    let seen = new Map<string, string>();
    const treeId = async (commit: string, path: string): Promise<string | undefined> => {
      const files = below(commitOf(commit).files, path);
      return files.size === 0 && normaliseTreePath(path) !== '' ? undefined : treeIdOf(files);
    };
    return {
      async fetch(signal) {
        signal.throwIfAborted();
        fetches += 1;
        if (failing) throw failing;
        seen = new Map(refs);
      },
      async resolve(revision) {
        for (const candidate of revisionCandidates(revision)) {
          const id = seen.get(candidate === 'HEAD' ? DEFAULT_BRANCH : candidate) ?? candidate;
          if (commits.has(id)) return id;
        }
        throw new UserError(`Cannot find revision "${revision}" in the repository`);
      },
      treeId,
      async tree(commit, path) {
        const prefix = normaliseTreePath(path);
        return entriesOf(below(commitOf(commit).files, path), prefix === '' ? '' : `${prefix}/`);
      },
      async folder(id) {
        const files = trees.get(id) ?? new Map<string, MemoryFile>();
        const names = new Set([...files.keys()].map((path) => path.split('/')[0] ?? ''));
        return [...names].sort().map((name) => {
          const file = files.get(name);
          return file
            ? { name, mode: file.mode, id: blobIdOf(file.text) }
            : { name, mode: '40000', id: treeIdOf(below(files, name)) };
        });
      },
      async changedEntries(fromTree, toTree) {
        const before = new Map(
          entriesOf(trees.get(fromTree) ?? new Map(), '').map((entry) => [entry.path, entry]),
        );
        const after = new Map(
          entriesOf(trees.get(toTree) ?? new Map(), '').map((entry) => [entry.path, entry]),
        );
        const changes: TreeChange[] = [];
        for (const path of [...new Set([...before.keys(), ...after.keys()])].sort()) {
          const [old, entry] = [before.get(path), after.get(path)];
          if (old?.blobId !== entry?.blobId || old?.mode !== entry?.mode) changes.push({ path, entry });
        }
        return changes;
      },
      async readBlobs(ids) {
        return ids.map((id) => {
          const blob = blobs.get(id);
          if (!blob) throw new TransientError('Cannot read a file from the mirror: it is missing');
          return blob;
        });
      },
      async isAncestor(ancestor, commit) {
        const open = [commit];
        const visited = new Set<string>();
        for (let id = open.pop(); id !== undefined; id = open.pop()) {
          if (id === ancestor) return true;
          if (visited.has(id)) continue;
          visited.add(id);
          append(open, commits.get(id)?.parents ?? []);
        }
        return false;
      },
      async lastChange(commit, path) {
        for (let id: string | undefined = commit; id !== undefined; ) {
          const parent: string | undefined = commitOf(id).parents[0];
          const before = parent === undefined ? undefined : await treeId(parent, path);
          if ((await treeId(id, path)) !== before) return id;
          id = parent;
        }
        return undefined;
      },
      async describe(commit) {
        const { subject, author } = commitOf(commit);
        return { subject, author };
      },
      async pushNote(commit, note) {
        if (failing) throw failing;
        commitOf(commit);
        const text = typeof note === 'string' ? note : note(notes.get(commit));
        notes.set(commit, text.endsWith('\n') ? text : `${text}\n`);
      },
      [Symbol.asyncDispose]: async () => undefined,
    };
  }

  return {
    commit(files, options = {}) {
      const branch = `refs/heads/${options.branch ?? 'main'}`;
      const parent = options.orphan ? undefined : refs.get(branch);
      const next = new Map(parent === undefined ? [] : commitOf(parent).files);
      for (const [path, file] of Object.entries(files)) {
        if (file === null) next.delete(path);
        else next.set(path, typeof file === 'string' ? { text: file, mode: '100644' } : file);
      }
      const subject = options.subject ?? 'Change manifests';
      const committedAtMs = Math.floor(clock.now() / 1000) * 1000;
      const id = sha1(`commit ${treeIdOf(next)} ${parent ?? ''} ${subject} ${committedAtMs} ${commits.size}`);
      const parents = parent === undefined ? [] : [parent];
      commits.set(id, { id, parents, subject, author: 'A Developer', files: next });
      refs.set(branch, id);
      return id;
    },
    setBranch(branch, commit) {
      if (commit === undefined) refs.delete(`refs/heads/${branch}`);
      else refs.set(`refs/heads/${branch}`, commit);
    },
    setTag: (tag, commit) => void refs.set(`refs/tags/${tag}`, commit),
    failFetch: (error) => void (failing = error),
    notes,
    get fetches() {
      return fetches;
    },
    createMirror,
  };
}

function sha1(text: string): string {
  return createHash('sha1').update(text).digest('hex');
}
