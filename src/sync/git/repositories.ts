/**
 * The mirrors of all repositories, one each. Fetches of one repository are shared: a push that a
 * thousand applications follow costs two fetches, not a thousand.
 */
import { anySignal, createAbort } from '../../base/abort.ts';
import { createSharedReads } from '../../base/shared-reads.ts';
import type { FetchExpectation, GitMirror } from './types.ts';

export interface Repository {
  readonly mirror: GitMirror;
  fetch(signal: AbortSignal, expectation?: FetchExpectation): Promise<void>;
}

export interface Repositories extends AsyncDisposable {
  /** Throws UserError for a refused URL. `asOperator`: with the operator's credentials and path. */
  get(url: string, asOperator: boolean): Repository;
  /** Ends all other repositories, with their fetches and processes. */
  keep(urls: ReadonlySet<string>): void;
}

/** Makes the mirror of a repository, for the operator's own Applications or for those of others. */
export type CreateMirror = (url: string, asOperator: boolean) => GitMirror;

export function createRepositories(createMirror: CreateMirror): Repositories {
  const known = new Map<string, ReturnType<typeof createRepository> & { readonly url: string }>();
  /** Two mirrors never work in one directory at a time. */
  const endings = new Map<string, Promise<void>>();
  return {
    get(url, asOperator) {
      // The exact text: two spellings may differ in transport and credentials.
      const key = `${asOperator} ${url}`;
      const existing = known.get(key);
      if (existing) return existing;
      const repository = { ...createRepository(createMirror(url, asOperator), endings.get(key)), url };
      known.set(key, repository);
      return repository;
    },
    keep(urls) {
      for (const [key, repository] of known) {
        if (urls.has(repository.url)) continue;
        known.delete(key);
        const ending = Promise.resolve(endings.get(key))
          .then(() => repository.end())
          .catch(() => undefined)
          .finally(() => endings.get(key) === ending && endings.delete(key));
        endings.set(key, ending);
      }
    },
    async [Symbol.asyncDispose]() {
      const ends = [...known.values()].map((repository) => repository.end());
      await Promise.allSettled([...ends, ...endings.values()]);
      known.clear();
    },
  };
}

function createRepository(mirror: GitMirror, before: Promise<void> | undefined) {
  const ended = createAbort();
  const fetches = createSharedReads();
  let current: Promise<void> | undefined;
  const start = async (signal: AbortSignal, expectation: FetchExpectation): Promise<void> => {
    await before;
    using either = anySignal(signal, ended.signal);
    await mirror.fetch(either, expectation);
  };
  return {
    mirror,
    async end(): Promise<void> {
      ended.abort();
      await current?.catch(() => undefined);
      await mirror[Symbol.asyncDispose]();
    },
    fetch(signal: AbortSignal, expectation: FetchExpectation = 'unknown'): Promise<void> {
      // The fetch before has most likely brought the news.
      const expected = current ? 'unknown' : expectation;
      return fetches.read('fetch', () => {
        const running = start(signal, expected).finally(() => {
          if (current === running) current = undefined;
        });
        current = running;
        return running;
      });
    },
  };
}
