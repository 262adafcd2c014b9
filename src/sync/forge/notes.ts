/**
 * Commit statuses as Git notes (`git notes --ref=symphony show SHA`), for every Git server. One
 * note holds the statuses of all applications of the commit, the worst on top.
 */
import { isRecord } from '../../base/json.ts';
import { toRfc3339 } from '../../base/clock.ts';
import type { CommitState } from '../status/plan-commit-status.ts';
import { canonicalRepoUrl } from '../git/git-url.ts';
import type { CreateMirror } from '../git/repositories.ts';
import type { Forge, StatusPost } from './types.ts';

interface NoteStatus {
  readonly state: CommitState;
  readonly description: string;
  readonly updatedAt: string;
}

/** Contexts of one note: the applications of one repository. Beyond them the oldest words go. */
const MAX_CONTEXTS = 1_000;
const WORST_FIRST: readonly CommitState[] = ['error', 'failure', 'pending', 'success'];

export function createNotes(options: {
  readonly mirrorOf: CreateMirror;
  readonly nowMs: () => number;
}): Forge {
  return {
    name: 'notes',
    hostOf: canonicalRepoUrl,
    async post(status, signal) {
      const updatedAt = toRfc3339(options.nowMs());
      await options
        .mirrorOf(status.repoURL, status.asOperator)
        .pushNote(status.sha, (current) => renderNote(current, status, updatedAt), signal);
    },
  };
}

/** The note with this status in it; a note that is not ours to read is replaced. */
export function renderNote(current: string | undefined, post: StatusPost, updatedAt: string): string {
  const entry: NoteStatus = { state: post.state, description: post.description, updatedAt };
  const others = statusesOf(current).filter(([context]) => context !== post.context);
  const kept = others.sort(([, a], [, b]) => (a.updatedAt > b.updatedAt ? -1 : 1)).slice(0, MAX_CONTEXTS - 1);
  const sorted = [...kept, [post.context, entry] as const].sort(([a], [b]) => (a < b ? -1 : 1));
  // The status of an application goes before the repository's, which only repeats it.
  const [context, worst] = [...sorted].sort(
    ([a, { state }], [b, other]) =>
      WORST_FIRST.indexOf(state) - WORST_FIRST.indexOf(other.state) || depthOf(b) - depthOf(a),
  )[0] ?? ['', entry];
  const note = {
    state: worst.state,
    description: worst.description,
    context,
    statuses: Object.fromEntries(sorted),
  };
  return `${JSON.stringify(note, null, 2)}\n`;
}

/** `symphony/default` has 2, `symphony/default/web` 3. */
const depthOf = (context: string): number => context.split('/').length;

function statusesOf(note: string | undefined): (readonly [string, NoteStatus])[] {
  if (note === undefined) return [];
  try {
    const parsed: unknown = JSON.parse(note);
    const statuses = isRecord(parsed) && isRecord(parsed['statuses']) ? parsed['statuses'] : {};
    return Object.entries(statuses).flatMap(([context, status]) => {
      const read = readStatus(status);
      return read ? [[context, read] as const] : [];
    });
  } catch {
    return [];
  }
}

/** Anybody who may push writes notes: only what ours have, in their lengths, is taken over. */
function readStatus(value: unknown): NoteStatus | undefined {
  if (!isRecord(value)) return undefined;
  const { state, description, updatedAt } = value;
  if (!WORST_FIRST.includes(state as CommitState)) return undefined;
  const text = (member: unknown): string => (typeof member === 'string' ? member.slice(0, MAX_TEXT) : '');
  return { state: state as CommitState, description: text(description), updatedAt: text(updatedAt) };
}

/** Twice a description's length, in code units. */
const MAX_TEXT = 280;
