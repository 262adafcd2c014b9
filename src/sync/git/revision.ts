/** Revisions (branches, tags, commits) as git may be given them: checked, and never an expression or an option. */
import { UserError } from '../../base/errors.ts';

/** Git allows longer ones; forges do not. */
const MAX_REVISION_LENGTH = 250;
const COMMIT_ID = /^[0-9a-f]{40}$|^[0-9a-f]{64}$/;
const ABBREVIATED_ID = /^[0-9a-f]{7,64}$/;
const REF_NAME = /^[A-Za-z0-9_][A-Za-z0-9_.\/+#=-]*$/;

export function isCommitId(text: string): boolean {
  return COMMIT_ID.test(text);
}

/**
 * The names under which git is to look for a revision, in order. Throws {@link UserError} for anything that is not a
 * plain name: `main@{1}`, `a..b`, `-x`, `v1^{/text}`.
 */
export function revisionCandidates(revision: string): readonly string[] {
  if (revision === '' || revision === 'HEAD') return ['HEAD'];
  if (isCommitId(revision)) return [revision];
  const malformed =
    revision.length > MAX_REVISION_LENGTH ||
    !REF_NAME.test(revision) ||
    revision.includes('..') ||
    revision.includes('//') ||
    revision.endsWith('/') ||
    revision.endsWith('.lock');
  if (malformed)
    throw new UserError(
      `Cannot use revision ${JSON.stringify(revision.slice(0, 100))}: it is no branch, tag or commit`,
    );
  if (revision.startsWith('refs/heads/') || revision.startsWith('refs/tags/')) return [revision];
  const names = [`refs/heads/${revision}`, `refs/tags/${revision}`];
  return ABBREVIATED_ID.test(revision) ? [...names, revision] : names;
}

/** A path below the root of a repository: `''` for the root. Throws {@link UserError} for one that leaves it. */
export function normaliseTreePath(path: string): string {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');

  const refused = parts.includes('..') || /[\u0000-\u001f\u007f]/.test(path) || path.length > 4_096;
  if (refused)
    throw new UserError(
      `Cannot use path ${JSON.stringify(path.slice(0, 100))}: it must stay inside the repository`,
    );
  return parts.join('/');
}
