/**
 * The first fetch of the operator's repository, for the line that says that Symphony is ready. A
 * start neither waits for a forge that is away nor is silent about it.
 */
import { errorMessage } from '../../base/errors.ts';
import { normaliseTreePath } from '../../sync/git/revision.ts';
import type { GitMirror } from '../../sync/git/types.ts';

export interface RepositoryState {
  /** The commit that was found. */
  readonly commit?: string;
  /** Why the repository cannot be followed yet. */
  readonly problem?: string;
}

export interface RepositoryWatch {
  /** The same mirror, observed. */
  follow(mirror: GitMirror): GitMirror;
  /** Resolves when the first fetch has ended, whatever it came to. */
  readonly first: Promise<RepositoryState>;
}

export function watchRepository(where: {
  readonly revision: string;
  readonly path: string;
}): RepositoryWatch {
  let tell: (state: RepositoryState) => void = () => undefined;
  const first = new Promise<RepositoryState>((resolve) => {
    tell = resolve;
  });
  return {
    first,
    follow: (mirror) => ({
      ...mirror,
      async fetch(signal, expectation) {
        try {
          await mirror.fetch(signal, expectation);
        } catch (error) {
          if (!signal.aborted) tell({ problem: `the repository cannot be read yet: ${errorMessage(error)}` });
          throw error;
        }
        void stateOf(mirror, where).then(tell);
      },
    }),
  };
}

async function stateOf(
  mirror: GitMirror,
  { revision, path }: { readonly revision: string; readonly path: string },
): Promise<RepositoryState> {
  try {
    const commit = await mirror.resolve(revision);
    const below = normaliseTreePath(path);
    if ((await mirror.treeId(commit, below)) !== undefined) return { commit };
    return { commit, problem: `there is no folder "${below}" at ${revision} yet` };
  } catch (error) {
    const empty =
      'the repository has no commit at HEAD yet; commit and push, or name a branch with --revision';
    return { problem: revision === 'HEAD' ? empty : errorMessage(error) };
  }
}
