/** Notes on commits under `refs/notes/symphony`, pushed back to the remote: commit statuses for servers that know none. */
import type { SimpleGit } from 'simple-git';
import { TransientError, errorMessage } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import type { GitSession } from './git-session.ts';
import { type RepoUrl, redactCredentials, redactUrl } from './git-url.ts';
import type { GitMirror } from './types.ts';

/** Somebody else pushed notes between our fetch and our push: fetch, add and push again, this often. */
const NOTE_ATTEMPTS = 5;
const NOTES_REF = 'refs/notes/symphony';

/** `commit` is a checked id. */
export function createNotes(session: GitSession, repository: RepoUrl, logger: Logger): GitMirror['pushNote'] {
  let last: Promise<void> = Promise.resolve();

  async function pushNow(...[commit, note]: Parameters<GitMirror['pushNote']>): Promise<void> {
    const git = await session.git();
    for (let attempt = 1; ; attempt += 1) {
      try {
        await fetchNotes(git, repository);
        const text = typeof note === 'string' ? note : note(await currentNote(git, commit));
        await git.raw(['notes', '--ref=symphony', 'add', '-f', '-m', text, commit]);
        await git.raw(['push', '--verbose', '--', repository.remote, `${NOTES_REF}:${NOTES_REF}`]);
        return;
      } catch (error) {
        const raced = /rejected|non-fast-forward|fetch first|cannot lock ref|stale info|File exists/i.test(
          errorMessage(error),
        );
        if (!raced || attempt === NOTE_ATTEMPTS) {
          throw new TransientError(
            `Cannot push a note to "${redactUrl(repository.remote)}": ${redactCredentials(errorMessage(error)).trim().slice(0, 300)}`,
          );
        }
        logger.debug({ attempt }, 'Notes were pushed by somebody else; trying again');
      }
    }
  }

  return (commit, note) => {
    // One at a time: a note reads what is there, and a fetch in between would throw away what was just added.
    const pushed = last.then(() => pushNow(commit, note));
    last = pushed.catch(() => undefined);
    return pushed;
  };
}

async function fetchNotes(git: SimpleGit, repository: RepoUrl): Promise<void> {
  const listing = await git.raw(['ls-remote', '--', repository.remote, NOTES_REF, 'HEAD']);
  if (!listing.includes(`\t${NOTES_REF}\n`)) return;
  await git.raw([
    'fetch',
    '--verbose',
    '--no-tags',
    '--no-write-fetch-head',
    '--',
    repository.remote,
    `+${NOTES_REF}:${NOTES_REF}`,
  ]);
}

/** git says "no note found" with an error. */
async function currentNote(git: SimpleGit, commit: string): Promise<string | undefined> {
  return git.raw(['notes', '--ref=symphony', 'show', commit]).catch(() => undefined);
}
