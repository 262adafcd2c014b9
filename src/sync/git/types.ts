/** Git as the sync worker sees it: commits, trees and blobs of a bare mirror. Never a work tree. */
export interface TreeEntry {
  /** Path from the root of the repository, `/`-separated. */
  readonly path: string;
  /** `100644`, `100755`, `120000` (symlink), `160000` (submodule). */
  readonly mode: string;
  readonly blobId: string;
  readonly sizeBytes: number;
}

/** One difference between two trees: the entry as it is now, or none when it is gone. */
export interface TreeChange {
  /** Path from the root of the trees compared. */
  readonly path: string;
  readonly entry: TreeEntry | undefined;
}

/** `news`: a webhook told of a push, so that a transfer is worth trying at once. */
export type FetchExpectation = 'unknown' | 'news';

/** The words of a commit, for events. */
export interface CommitText {
  readonly subject: string;
  readonly author: string;
}

/** An entry of one folder; a folder has the mode `40000` and the id of its tree. */
export interface FolderEntry {
  readonly name: string;
  readonly mode: string;
  readonly id: string;
}

export interface GitMirror extends AsyncDisposable {
  /**
   * Brings the mirror up to date; throws TransientError (unreachable) or UserError (no such
   * repository, refused URL). The expectation changes only the cost, `unknown` unless given.
   */
  fetch(signal: AbortSignal, expectation?: FetchExpectation): Promise<void>;
  /** A branch, tag or commit → the commit's full id. Throws UserError when there is none. */
  resolve(revision: string): Promise<string>;
  /** Every entry below `path` (`''` or `.` for the root), sorted by path. */
  tree(commit: string, path: string): Promise<readonly TreeEntry[]>;
  /** The id of the directory `path` in a commit, if there is one: equal ids, equal contents. */
  treeId(commit: string, path: string): Promise<string | undefined>;
  /** The entries of one folder (an id from {@link treeId}, or from an entry); starts no process. */
  folder(treeId: string): Promise<readonly FolderEntry[]>;
  /** The changes between two trees (ids from {@link treeId}), with paths relative to them. */
  changedEntries(fromTree: string, toTree: string): Promise<readonly TreeChange[]>;
  /** The contents of blobs, in the order asked. */
  readBlobs(blobIds: readonly string[]): Promise<readonly Buffer[]>;
  /** Whether `ancestor` is in the history of `commit`. */
  isAncestor(ancestor: string, commit: string): Promise<boolean>;
  /**
   * The last commit on the way to `commit` that touched `path`; undefined when none is known. It
   * follows first parents, so that a merge counts as the change that it brought.
   */
  lastChange(commit: string, path: string): Promise<string | undefined>;
  describe(commit: string): Promise<CommitText>;
  /**
   * Writes a note under `refs/notes/symphony` on the commit and pushes it back. A function gets the
   * present note, and is called again when another client pushed meanwhile.
   */
  pushNote(
    commit: string,
    note: string | ((current: string | undefined) => string),
    signal?: AbortSignal,
  ): Promise<void>;
}
