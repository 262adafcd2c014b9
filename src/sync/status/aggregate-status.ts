/** The statuses of all applications of one repository, folded into one per commit. Pure. */
import { counted } from '../../base/text.ts';
import {
  type CommitState,
  type CommitStatus,
  SUMMARY_SEPARATOR,
  fitDescription,
} from './plan-commit-status.ts';

export interface NamedStatus extends CommitStatus {
  /** Name of the application. */
  readonly application: string;
}

const WORST_FIRST: readonly CommitState[] = ['error', 'failure', 'pending', 'success'];

/** By commit: the worst of its applications, which is named; a success says how many there are. */
export function aggregateStatuses(statuses: readonly NamedStatus[]): ReadonlyMap<string, CommitStatus> {
  const byCommit = new Map<string, NamedStatus[]>();
  for (const status of statuses) byCommit.set(status.sha, [...(byCommit.get(status.sha) ?? []), status]);
  return new Map([...byCommit].map(([sha, list]) => [sha, worstOf(sha, list)]));
}

function worstOf(sha: string, statuses: readonly NamedStatus[]): CommitStatus {
  const [worst] = [...statuses].sort(
    (a, b) =>
      WORST_FIRST.indexOf(a.state) - WORST_FIRST.indexOf(b.state) || (a.application < b.application ? -1 : 1),
  );
  const many = counted(statuses.length, 'application');
  const state = worst?.state ?? 'pending';
  const text =
    state === 'success'
      ? [`${many} healthy`, ...notesOf(statuses)].join(SUMMARY_SEPARATOR)
      : `${worst?.application}: ${worst?.description}`;
  return { sha, state, description: fitDescription(text) };
}

/** Notes of the successes, beside their numbers of objects. */
const notesOf = (statuses: readonly NamedStatus[]): readonly string[] => [
  ...new Set(statuses.flatMap(({ description }) => description.split(SUMMARY_SEPARATOR).slice(1))),
];

/** The end of a pending status whose commit was overtaken; undefined for one that has ended. */
export function supersededStatus(before: CommitStatus, next: string | undefined): CommitStatus | undefined {
  if (before.state !== 'pending' || before.sha === next) return undefined;
  const why = next === undefined ? 'The application was deleted' : `Superseded by ${next.slice(0, 12)}`;
  return { sha: before.sha, state: 'error', description: `${why} before it was healthy` };
}
