/** Checked revisions (branches, tags, commits): never an expression or an option of git. */
import { UserError } from '../../base/errors.ts';
import { isRefName } from '../../schemas/values/ref-name.ts';

/** Bytes. Longer names do not fit into the path of a file. */
const MAX_REVISION_BYTES = 1_024;
const COMMIT_ID = /^[0-9a-f]{40}$|^[0-9a-f]{64}$/;
/** git takes at least four digits for an abbreviation, in either case. */
const ANY_ID = /^[0-9a-f]{4,64}$/i;

export function isCommitId(text: string): boolean {
  return COMMIT_ID.test(text);
}

/**
 * The names under which git looks for a revision, in order: full names of refs or ids, never an
 * option or an expression. Throws {@link UserError} for `main@{1}`, `a..b`, `-x`, `v1^{/text}`.
 */
export function revisionCandidates(revision: string): readonly string[] {
  if (revision === '' || revision === 'HEAD') return ['HEAD'];
  const lower = revision.toLowerCase();
  if (isCommitId(lower)) return [lower];
  if (!isRefName(revision) || Buffer.byteLength(revision) > MAX_REVISION_BYTES)
    throw new UserError(
      `Cannot use revision ${JSON.stringify(revision.slice(0, 100))}: it is no branch, tag or commit`,
    );
  return [
    ...(revision.startsWith('refs/') ? [revision] : []),
    `refs/heads/${revision}`,
    `refs/tags/${revision}`,
    ...(/^(heads|tags)\//.test(revision) ? [`refs/${revision}`] : []),
    ...(ANY_ID.test(revision) ? [lower] : []),
  ];
}

/** A path below the root (`''`) of a repository. Throws {@link UserError} if it leaves it. */
export function normaliseTreePath(path: string): string {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');

  const refused = parts.includes('..') || /[\u0000-\u001f\u007f]/.test(path) || path.length > 4_096;
  if (refused)
    throw new UserError(
      `Cannot use path ${JSON.stringify(path.slice(0, 100))}: it must stay inside the repository`,
    );
  return parts.join('/');
}
