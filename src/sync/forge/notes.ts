/**
 * Commit statuses as Git notes (`git notes --ref=symphony show SHA`): works with every Git server. One note holds the
 * statuses of all applications of the commit, and on top the worst of them.
 */
import { isRecord } from '../../base/json.ts';
import { toRfc3339 } from '../../base/clock.ts';
import type { CommitState } from '../status/plan-commit-status.ts';
import type { CreateMirror } from '../repositories.ts';
import type { Forge, StatusPost } from './types.ts';

interface NoteStatus {
  readonly state: CommitState;
  readonly description: string;
  readonly updatedAt: string;
}

const WORST_FIRST: readonly CommitState[] = ['error', 'failure', 'pending', 'success'];

export function createNotes(options: {
  readonly mirrorOf: CreateMirror;
  readonly nowMs: () => number;
}): Forge {
  return {
    name: 'notes',
    async post(status) {
      const updatedAt = toRfc3339(options.nowMs());
      await options
        .mirrorOf(status.repoURL, status.asOperator)
        .pushNote(status.sha, (current) => renderNote(current, status, updatedAt));
    },
  };
}

/** The note with this status in it; a note that is not ours to read is replaced. */
export function renderNote(current: string | undefined, post: StatusPost, updatedAt: string): string {
  const entry: NoteStatus = { state: post.state, description: post.description, updatedAt };
  const statuses: Record<string, NoteStatus> = { ...statusesOf(current), [post.context]: entry };
  const sorted = Object.entries(statuses).sort(([a], [b]) => (a < b ? -1 : 1));
  // Of equally bad ones an application's own word stands on top: the repository's context only repeats it.
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

function statusesOf(note: string | undefined): Record<string, NoteStatus> {
  if (note === undefined) return {};
  try {
    const parsed: unknown = JSON.parse(note);
    const statuses = isRecord(parsed) && isRecord(parsed['statuses']) ? parsed['statuses'] : {};
    const known = Object.entries(statuses).filter(
      ([, status]) => isRecord(status) && WORST_FIRST.includes(status['state'] as CommitState),
    );
    return Object.fromEntries(known) as Record<string, NoteStatus>;
  } catch {
    return {};
  }
}
