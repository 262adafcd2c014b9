/** Git as the sync worker sees it: commits, trees and blobs of a bare mirror. Never a work tree. */
export interface TreeEntry {
  /** Path from the root of the repository, `/`-separated. */
  readonly path: string;
  /** `100644`, `100755`, `120000` (symlink), `160000` (submodule). */
  readonly mode: string;
  readonly blobId: string;
  readonly sizeBytes: number;
}

export interface GitMirror extends AsyncDisposable {
  /** Brings the mirror up to date; throws TransientError (unreachable) or UserError (no such repository, refused URL). */
  fetch(signal: AbortSignal): Promise<void>;
  /** A branch, tag or commit → the commit's full id. Throws UserError when there is none. */
  resolve(revision: string): Promise<string>;
  /** Every entry below `path` (`''` or `.` for the root), sorted by path. */
  tree(commit: string, path: string): Promise<readonly TreeEntry[]>;
  /** The contents of blobs, in the order asked. */
  readBlobs(blobIds: readonly string[]): Promise<readonly Buffer[]>;
  /** Whether `ancestor` is in the history of `commit`. */
  isAncestor(ancestor: string, commit: string): Promise<boolean>;
  /** Subject, author and date of a commit, for status and events. */
  describe(
    commit: string,
  ): Promise<{ readonly subject: string; readonly author: string; readonly committedAtMs: number }>;
  /** Writes a note under `refs/notes/symphony` on the commit and pushes it back. */
  pushNote(commit: string, note: string): Promise<void>;
}
