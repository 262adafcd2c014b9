/**
 * Brings a bare mirror up to date. A poll lists the refs first (`ls-remote`, one round trip) and
 * transfers only when they differ. A webhook transfers at once. A damaged mirror is removed and
 * made anew. No error carries a credential.
 */
import { createAbort } from '../../base/abort.ts';
import type { Clock } from '../../base/clock.ts';
import { withDeadline } from '../../base/deadline.ts';
import type { Logger } from '../../base/logger.ts';
import type { Git } from './git-process.ts';
import type { GitSession } from './git-session.ts';
import type { RepoUrl } from './git-url.ts';
import { type RemoteRefs, parseFetchHead, parseLsRemote } from './parse-output.ts';
import { examinedText, gitComplaint, planFetchFailure } from './plan-fetch-failure.ts';
import type { FetchExpectation } from './types.ts';

export interface GitFetcher extends AsyncDisposable {
  fetch(signal: AbortSignal, expectation: FetchExpectation): Promise<void>;
  /** Something that the mirror must have is missing: the next fetch makes it anew. */
  reportDamage(): void;
}

export interface GitFetcherOptions {
  readonly session: GitSession;
  readonly repository: RepoUrl;
  /** How the repository is called in messages: without credentials. */
  readonly name: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** A whole fetch takes at most this long, however steadily it trickles. */
  readonly timeoutMs: number | undefined;
  /** The mirror's refs may have changed. */
  onRefs(): void;
}

/** Enough for a first clone over a slow line. A server that trickles for ever is given up. */
const FETCH_TIMEOUT_MS = 1_800_000;
/** A list of refs has some megabytes at most, and every poll waits for one. */
const LISTING_TIMEOUT_MS = 120_000;
/**
 * Small transfers leave loose objects, which git packs when there are some thousands (`gc.auto`,
 * 6,700). Asking after each would delay every sync by a process; a hundred transfers leave at most
 * ten thousand (`fetch.unpackLimit`).
 */
const TRANSFERS_PER_MAINTENANCE = 50;

const FETCH = [
  ...['fetch', '--verbose', '--prune', '--no-tags'],
  ...['--no-recurse-submodules', '--no-auto-maintenance'],
] as const;
const REFSPECS = ['+refs/heads/*:refs/heads/*', '+refs/tags/*:refs/tags/*'] as const;

const DAMAGE =
  /not a git repository|object file .* is empty|loose object .* corrupt|bad object|unable to read tree|packfile .* (cannot|is|does)|did not send all necessary objects|missing (blob|tree|commit)|index file corrupt|invalid index-pack|\.lock'?: File exists|bad (tree|ref|signature)|inflate: data stream error/i;
export function createGitFetcher(options: GitFetcherOptions): GitFetcher {
  const { session, repository, name, logger } = options;
  let fetching: Promise<void> | undefined;
  /** The refs that the mirror and the remote had in common; undefined while that is not known. */
  let knownRefs: string | undefined;
  let knownHead: string | undefined;
  let damaged = false;
  let transfers = 0;
  const maintenance = createMaintenance(session, logger);

  async function fetchOnce(signal: AbortSignal, expectation: FetchExpectation): Promise<void> {
    if (damaged) {
      damaged = false;
      logger.warn({}, 'Mirror is damaged; making it anew');
      knownRefs = undefined;
      knownHead = undefined;
      await maintenance.stop();
      await session.remove();
      options.onRefs();
    }
    await session.converse(signal, async (git) => {
      // Only a listing tells the default branch; polls follow it.
      if (expectation === 'news' && knownRefs !== undefined) return transfer(git);
      const { head, refs } = await withDeadline(options.clock, LISTING_TIMEOUT_MS, signal, (soon) =>
        listRefs(git, repository, soon),
      );
      signal.throwIfAborted();
      if (refs !== knownRefs) await transfer(git);
      if (head !== undefined && head !== knownHead) {
        await git('symbolic-ref', 'HEAD', head);
        options.onRefs();
      }
      knownHead = head;
    });
  }

  async function transfer(git: Git): Promise<void> {
    knownRefs = undefined;
    try {
      await git(...FETCH, '--', repository.remote, ...REFSPECS);
    } finally {
      options.onRefs();
    }
    knownRefs = parseFetchHead(await session.fetchHead());
    transfers += 1;
    if (transfers % TRANSFERS_PER_MAINTENANCE === 0) maintenance.start();
  }

  async function fetchAndRepair(signal: AbortSignal, expectation: FetchExpectation): Promise<void> {
    try {
      await fetchOnce(signal, expectation);
    } catch (error) {
      if (!DAMAGE.test(examinedText(error)) || signal.aborted || !session.exists())
        throw planFetchFailure(name, error);
      damaged = true;
      await fetchOnce(signal, expectation).catch((second: unknown) => {
        throw planFetchFailure(name, second);
      });
    }
  }

  return {
    reportDamage: () => void (damaged = true),
    async fetch(signal, expectation) {
      // One transfer at a time. Later callers need a newer answer than the running one may give.
      while (fetching) await fetching.catch(() => undefined);
      signal.throwIfAborted();
      fetching = withDeadline(options.clock, options.timeoutMs ?? FETCH_TIMEOUT_MS, signal, (bounded) =>
        fetchAndRepair(bounded, expectation),
      );
      try {
        await fetching;
      } finally {
        fetching = undefined;
      }
    },
    [Symbol.asyncDispose]: () => maintenance.stop(),
  };
}

async function listRefs(git: Git, { remote }: RepoUrl, signal: AbortSignal): Promise<RemoteRefs> {
  const listing = ['ls-remote', '--symref', '--', remote, 'HEAD', 'refs/heads/*', 'refs/tags/*'];
  return parseLsRemote(await git.until(signal, ...listing));
}

/** Tidies up beside the syncs; git's own locks keep it apart from a fetch. */
function createMaintenance(session: GitSession, logger: Logger) {
  let running: { readonly done: Promise<void>; readonly stopped: AbortController } | undefined;
  const run = async ({ signal }: AbortController): Promise<void> => {
    try {
      const git = await session.longWork(signal, FETCH_TIMEOUT_MS);
      await git('maintenance', 'run', '--auto', '--quiet');
    } catch (error) {
      if (!signal.aborted) logger.debug({ error: gitComplaint(error) }, 'Cannot tidy up a mirror');
    }
    running = undefined;
  };
  return {
    start(): void {
      if (running) return;
      const stopped = createAbort();
      running = { done: run(stopped), stopped };
    },
    async stop(): Promise<void> {
      running?.stopped.abort();
      await running?.done;
    },
  };
}
