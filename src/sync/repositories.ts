/**
 * The mirrors of all repositories, one each. Fetches of one repository are shared: who asks while a fetch is under way
 * gets the next one, together with everybody else who asked meanwhile (a push that a thousand applications follow
 * costs two fetches, not a thousand).
 */
import type { FetchExpectation, GitMirror } from './git/types.ts';

export interface Repository {
  readonly mirror: GitMirror;
  fetch(signal: AbortSignal, expectation?: FetchExpectation): Promise<void>;
}

export interface Repositories extends AsyncDisposable {
  /** Throws UserError for a URL that is not allowed. `asOperator`: with the operator's credentials and local path. */
  get(url: string, asOperator: boolean): Repository;
}

/** Makes the mirror of a repository, for the operator's own Applications or for those of others. */
export type CreateMirror = (url: string, asOperator: boolean) => GitMirror;

export function createRepositories(createMirror: CreateMirror): Repositories {
  const known = new Map<string, Repository>();
  return {
    get(url, asOperator) {
      // The exact text: two spellings may differ in transport and credentials, though not in contents.
      const key = `${asOperator} ${url}`;
      const existing = known.get(key);
      if (existing) return existing;
      const repository = createRepository(createMirror(url, asOperator));
      known.set(key, repository);
      return repository;
    },
    async [Symbol.asyncDispose]() {
      await Promise.allSettled([...known.values()].map(({ mirror }) => mirror[Symbol.asyncDispose]()));
      known.clear();
    },
  };
}

function createRepository(mirror: GitMirror): Repository {
  let current: Promise<void> | undefined;
  let next: Promise<void> | undefined;
  const start = (signal: AbortSignal, expectation: FetchExpectation): Promise<void> => {
    const running = mirror.fetch(signal, expectation).finally(() => {
      if (current === running) current = undefined;
    });
    current = running;
    return running;
  };
  return {
    mirror,
    fetch(signal, expectation = 'unknown') {
      if (!current) return start(signal, expectation);
      next ??= current
        .catch(() => undefined)
        .then(() => {
          next = undefined;
          // The fetch before has most likely brought what is new.
          return start(signal, 'unknown');
        });
      return next;
    },
  };
}
