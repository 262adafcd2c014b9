/** Notes on commits under `refs/notes/symphony`, pushed back to the remote. */
import { createAbort } from '../../base/abort.ts';
import { rm, writeFile } from 'node:fs/promises';
import { type Clock, sleep } from '../../base/clock.ts';
import { withDeadline } from '../../base/deadline.ts';
import { TransientError, errorMessage } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import { secretToken, systemRng } from '../../base/rng.ts';
import type { Git } from './git-process.ts';
import type { GitSession } from './git-session.ts';
import { type RepoUrl, redactUrl } from './git-url.ts';
import { gitComplaint } from './plan-fetch-failure.ts';
import type { GitMirror } from './types.ts';

/** Fetch, add and push again this often, where another client pushed in between. */
const NOTE_ATTEMPTS = 8;
/** Pause up to this long, doubled each time, so that several clients fall out of step. */
const NOTE_PAUSE_MS = 20;
/** A note is one small object. A server that takes longer is asked again later. */
const NOTE_TIMEOUT_MS = 120_000;
/** Ours have some kilobytes. A larger one is not ours to read; it is replaced. */
const MAX_NOTE_BYTES = 1024 * 1024;
const NOTES_REF = 'refs/notes/symphony';
const RACED =
  /rejected|non-fast-forward|fetch first|cannot lock ref|failed to update ref|stale info|File exists/i;

interface NotesOptions {
  readonly session: GitSession;
  readonly repository: RepoUrl;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** `commit` is a checked id. */
export function createNotes({ session, repository, clock, logger }: NotesOptions): GitMirror['pushNote'] {
  async function pushNow(
    git: Git,
    commit: string,
    note: Parameters<GitMirror['pushNote']>[1],
    signal: AbortSignal,
  ): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await fetchNotes(git, repository);
        const text = typeof note === 'string' ? note : note(await currentNote(git, commit));
        await addNote(git, session, commit, text);
        await git('push', '--verbose', '--', repository.remote, `${NOTES_REF}:${NOTES_REF}`);
        return;
      } catch (error) {
        if (!RACED.test(errorMessage(error)) || attempt === NOTE_ATTEMPTS || signal.aborted) throw error;
        logger.debug({ attempt }, 'Notes were pushed by somebody else; trying again');
        await sleep(clock, NOTE_PAUSE_MS * 2 ** attempt * systemRng.next(), signal);
      }
    }
  }

  return async (commit, note, signal = createAbort().signal) => {
    try {
      // One conversation at a time: a fetch in between would drop the note that was just added.
      await withDeadline(clock, NOTE_TIMEOUT_MS, signal, (bounded) =>
        session.converse(bounded, (git) => pushNow(git, commit, note, bounded)),
      );
    } catch (error) {
      const what = `Cannot push a note to "${redactUrl(repository.remote)}"`;
      throw new TransientError(`${what}: ${gitComplaint(error)}`, { cause: error });
    }
  };
}

/** Through a file: an argument has at most 128 KiB. */
async function addNote(git: Git, session: GitSession, commit: string, text: string): Promise<void> {
  const file = session.scratchFile(`note-${secretToken(6)}`);
  try {
    await writeFile(file, text, { mode: 0o600 });
    await git('notes', '--ref=symphony', 'add', '-f', '-F', file, commit);
  } finally {
    await rm(file, { force: true });
  }
}

async function fetchNotes(git: Git, repository: RepoUrl): Promise<void> {
  const listing = await git('ls-remote', '--', repository.remote, NOTES_REF);
  if (!listing.includes(`\t${NOTES_REF}\n`)) return;
  const command = ['fetch', '--verbose', '--no-tags', '--no-write-fetch-head', '--'];
  await git(...command, repository.remote, `+${NOTES_REF}:${NOTES_REF}`);
}

async function currentNote(git: Git, commit: string): Promise<string | undefined> {
  let id: string;
  try {
    id = (await git('notes', '--ref=symphony', 'list', commit)).trim();
  } catch (error) {
    // Any other error is no proof that there is none, and would cost what the others have written.
    if (/no note found/i.test(errorMessage(error))) return undefined;
    throw error;
  }
  const sizeBytes = Number(await git('cat-file', '-s', id));
  return sizeBytes > MAX_NOTE_BYTES ? undefined : git('cat-file', 'blob', id);
}
