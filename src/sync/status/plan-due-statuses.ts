/** Which statuses a context still owes the forge. Pure. */
import { supersededStatus } from './aggregate-status.ts';
import type { CommitStatus } from './plan-commit-status.ts';

export interface RepositoryStatus extends CommitStatus {
  readonly repoURL: string;
  /** Whether it is posted with the operator's credentials. Absent: true. */
  readonly asOperator?: boolean;
}

export interface StatusLedger {
  /** What the forge was told last about each commit that still matters. */
  readonly posted: readonly RepositoryStatus[];
  /** What it is to be told, oldest first; at most one for each commit. */
  readonly due: readonly RepositoryStatus[];
}

/** Commits that end while a forge is away; older ones have gone out of sight. */
const MAX_DUE = 50;

/**
 * A newer status of the same commit replaces the one that is due. The end of an earlier commit stays due until it is posted; one
 * that the forge shows as pending ends as superseded.
 */
export function planDueStatuses(
  { posted, due }: StatusLedger,
  wanted: readonly RepositoryStatus[],
): StatusLedger {
  const isAbout = (a: RepositoryStatus) => (b: RepositoryStatus) =>
    a.sha === b.sha && a.repoURL === b.repoURL;
  const next = wanted.at(-1)?.sha;
  const ends: RepositoryStatus[] = [];
  for (const before of [...due, ...posted.filter((status) => !due.some(isAbout(status)))]) {
    if (wanted.some(isAbout(before))) continue;
    const shown = posted.find(isAbout(before));
    if (due.includes(before) && before.state !== 'pending') {
      if (!shown || !isSameStatus(shown, before)) ends.push(before);
    } else if (shown) {
      const end = supersededStatus(shown, next);
      if (end) ends.push({ ...shown, ...end });
    }
  }
  const news = wanted.filter((status) => {
    const shown = posted.find(isAbout(status));
    return !shown || !isSameStatus(shown, status);
  });
  const all = [...ends.slice(-MAX_DUE), ...news];
  return {
    posted: posted.filter((shown) => [...wanted, ...all].some(isAbout(shown))),
    due: all,
  };
}

/** The ledger once the forge has taken a status that was due. */
export function recordPosted(
  { posted, due }: StatusLedger,
  status: RepositoryStatus,
  keep: boolean,
): StatusLedger {
  const isOther = (one: RepositoryStatus): boolean =>
    one.sha !== status.sha || one.repoURL !== status.repoURL;
  return { posted: [...posted.filter(isOther), ...(keep ? [status] : [])], due: due.filter(isOther) };
}

export function isSameStatus(a: CommitStatus, b: CommitStatus): boolean {
  return a.sha === b.sha && a.state === b.state && a.description === b.description;
}
