/** The statuses that a context still owes the forge. Pure. */
import { backoffDelayMs } from '../../base/backoff.ts';
import { supersededStatus } from './aggregate-status.ts';
import type { CommitStatus } from './plan-commit-status.ts';

export interface RepositoryStatus extends CommitStatus {
  readonly repoURL: string;
  /** Whether it is posted with the operator's credentials. Absent: true. */
  readonly asOperator?: boolean;
}

export interface StatusLedger {
  /** The last status posted for each commit that still matters. */
  readonly posted: readonly RepositoryStatus[];
  /** The statuses to post, oldest first; at most one for each commit. */
  readonly due: readonly RepositoryStatus[];
}

/** Commits that end while a forge is away; older ones have gone out of sight. */
const MAX_DUE = 50;

/**
 * A newer status of the same commit replaces the one that is due. The end of an earlier commit
 * stays due until it is posted; one that the forge shows as pending ends as superseded.
 */
export function planDueStatuses(
  { posted, due }: StatusLedger,
  wanted: readonly RepositoryStatus[],
): StatusLedger {
  const next = wanted.at(-1)?.sha;
  const ends: RepositoryStatus[] = [];
  for (const before of [...due, ...posted.filter((status) => !due.some(isSameCommit(status)))]) {
    if (wanted.some(isSameCommit(before))) continue;
    const shown = posted.find(isSameCommit(before));
    if (due.includes(before) && before.state !== 'pending') {
      if (!shown || !isSameStatus(shown, before)) ends.push(before);
    } else if (shown) {
      const end = supersededStatus(shown, next);
      if (end) ends.push({ ...shown, ...end });
    }
  }
  const news = wanted.filter((status) => {
    const shown = posted.find(isSameCommit(status));
    return !shown || !isSameStatus(shown, status);
  });
  const all = [...ends.slice(-MAX_DUE), ...news];
  return { posted: posted.filter((shown) => [...wanted, ...all].some(isSameCommit(shown))), due: all };
}

/** The ledger once the forge has taken a status that was due. */
export function recordPosted(
  { posted, due }: StatusLedger,
  status: RepositoryStatus,
  keep: boolean,
): StatusLedger {
  const isOther = (one: RepositoryStatus): boolean => !isSameCommit(status)(one);
  return { posted: [...posted.filter(isOther), ...(keep ? [status] : [])], due: due.filter(isOther) };
}

export const isSameCommit =
  (a: RepositoryStatus) =>
  (b: RepositoryStatus): boolean =>
    a.sha === b.sha && a.repoURL === b.repoURL;

export function isSameStatus(a: CommitStatus, b: CommitStatus): boolean {
  return a.sha === b.sha && a.state === b.state && a.description === b.description;
}

/** Forges take a bounded number of statuses of a commit (GitHub: 1,000); a note is a commit. */
const FREE_POSTS = 20;
const REWORD_BACKOFF = { initialMs: 10_000, maxMs: 600_000, factor: 2 };

/** The wait before a posted state is reworded, after this many posts of the commit. */
export function rewordWaitMs(posts: number): number {
  return posts < FREE_POSTS ? 0 : backoffDelayMs(REWORD_BACKOFF, posts - FREE_POSTS + 1);
}
