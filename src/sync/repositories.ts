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
  /** Throws UserError for a URL that is not allowed. */
  get(url: string): Repository;
  /** Ends what is under way in all other repositories, and their processes. */
  keep(urls: ReadonlySet<string>): void;
}

export function createRepositories(createMirror: (url: string) => GitMirror): Repositories {
  const known = new Map<string, EndingRepository>();
  /** Two mirrors never work in one directory at a time. */
  const endings = new Map<string, Promise<void>>();
  return {
    get(url) {
      // The exact text: two spellings may differ in transport and credentials, though not in contents.
      const existing = known.get(url);
      if (existing) return existing;
      const repository = createRepository(createMirror(url), endings.get(url));
      known.set(url, repository);
      return repository;
    },
    keep(urls) {
      for (const [url, repository] of known) {
        if (urls.has(url)) continue;
        known.delete(url);
        const ending = Promise.resolve(endings.get(url))
          .then(() => repository.end())
          .catch(() => undefined)
          .finally(() => endings.get(url) === ending && endings.delete(url));
        endings.set(url, ending);
      }
    },
    async [Symbol.asyncDispose]() {
      const ends = [...known.values()].map((repository) => repository.end());
      await Promise.allSettled([...ends, ...endings.values()]);
      known.clear();
    },
  };
}

interface EndingRepository extends Repository {
  end(): Promise<void>;
}

function createRepository(mirror: GitMirror, before: Promise<void> | undefined): EndingRepository {
  const ended = new AbortController();
  let current: Promise<void> | undefined;
  let next: Promise<void> | undefined;
  const fetchMirror = async (signal: AbortSignal, expectation: FetchExpectation): Promise<void> => {
    await before;
    await mirror.fetch(AbortSignal.any([signal, ended.signal]), expectation);
  };
  const start = (signal: AbortSignal, expectation: FetchExpectation): Promise<void> => {
    const running = fetchMirror(signal, expectation).finally(() => {
      if (current === running) current = undefined;
    });
    current = running;
    return running;
  };
  return {
    mirror,
    async end() {
      ended.abort();
      await current?.catch(() => undefined);
      await mirror[Symbol.asyncDispose]();
    },
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
