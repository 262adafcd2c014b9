/**
 * Brings a bare mirror up to date.
 *
 * Who merely looks asks the remote for its refs first (`ls-remote`, one round trip) and transfers only when they differ: an
 * unchanged repository costs some milliseconds, and simple-git's 50 ms wait after silent commands is avoided. Who was told
 * of a push fetches at once. A mirror that turns out to be damaged is removed and made anew; everything in it can be
 * fetched again. No error carries a credential.
 */
import { createAbort } from '../../base/abort.ts';
import type { Clock } from '../../base/clock.ts';
import { TransientError, UserError, errorMessage } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import { cutMiddle } from '../../base/text.ts';
import type { GitSession } from './git-session.ts';
import { type RepoUrl, redactCredentials } from './git-url.ts';
import { parseFetchHead, parseLsRemote } from './parse-output.ts';
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
  readonly timeoutMs?: number;
}

/** A first clone of a large repository over a slow line fits; a server that trickles for ever does not. */
const FETCH_TIMEOUT_MS = 1_800_000;
/** What git says, the server's words in it, as far as it is looked at. */
const MAX_COMPLAINT = 8_192;
/**
 * Small transfers leave loose objects, which git packs when there are some thousands (`gc.auto`, 6,700). Asking after each
 * would delay every sync by a process; a hundred transfers leave at most ten thousand (`fetch.unpackLimit`).
 */
const TRANSFERS_PER_MAINTENANCE = 50;

const REFSPECS = ['+refs/heads/*:refs/heads/*', '+refs/tags/*:refs/tags/*'] as const;

const DAMAGE =
  /not a git repository|object file .* is empty|loose object .* corrupt|bad object|unable to read tree|packfile .* (cannot|is|does)|did not send all necessary objects|missing (blob|tree|commit)|index file corrupt|invalid index-pack|\.lock'?: File exists|bad (tree|ref|signature)|inflate: data stream error/i;
const UNREACHABLE =
  /could not resolve host|abort|block timeout|timed out|timeout|connection (refused|reset)|couldn't connect|failed to connect|network is unreachable|remote end hung up|early eof|HTTP 5\d\d|returned error: (5\d\d|429)|operation too slow|Empty reply|gnutls|SSL_|ssl certificate|Broken pipe|RPC failed/i;

export function createGitFetcher(options: GitFetcherOptions): GitFetcher {
  const { session, repository, name, logger } = options;
  let fetching: Promise<void> | undefined;
  /** The refs that the mirror and the remote had in common; undefined while that is not known. */
  let knownRefs: string | undefined;
  let knownHead: string | undefined;
  let damaged = false;
  let transfers = 0;
  let maintenance: { readonly done: Promise<void>; stop(): void } | undefined;

  async function fetchOnce(signal: AbortSignal, expectation: FetchExpectation): Promise<void> {
    if (damaged) {
      damaged = false;
      logger.warn({}, 'Mirror is damaged; making it anew');
      knownRefs = undefined;
      knownHead = undefined;
      await stopMaintenance();
      await session.remove();
    }
    // Which branch is the default one is only told by a listing; a look from time to time follows it.
    if (expectation === 'news' && knownRefs !== undefined) return transfer(signal);
    const git = await session.transfer(signal);
    const listing = await git.raw([
      'ls-remote',
      '--symref',
      '--',
      repository.remote,
      'HEAD',
      'refs/heads/*',
      'refs/tags/*',
    ]);
    signal.throwIfAborted();
    const { head, refs } = parseLsRemote(listing);
    if (refs !== knownRefs) await transfer(signal);
    if (head !== undefined && head !== knownHead) await git.raw(['symbolic-ref', 'HEAD', head]);
    knownHead = head;
  }

  async function transfer(signal: AbortSignal): Promise<void> {
    const git = await session.transfer(signal);
    knownRefs = undefined;
    await git.raw([
      'fetch',
      '--verbose',
      '--prune',
      '--no-tags',
      '--no-recurse-submodules',
      '--no-auto-maintenance',
      '--',
      repository.remote,
      ...REFSPECS,
    ]);
    knownRefs = parseFetchHead(await session.fetchHead());
    transfers += 1;
    if (transfers % TRANSFERS_PER_MAINTENANCE === 0) startMaintenance();
  }

  /** Beside the syncs; git's own locks keep it apart from a fetch. */
  function startMaintenance(): void {
    if (maintenance) return;
    const stopped = createAbort();
    const run = async (): Promise<void> => {
      try {
        const git = await session.transfer(stopped.signal, FETCH_TIMEOUT_MS);
        await git.raw(['maintenance', 'run', '--auto', '--quiet']);
      } catch (error) {
        if (!stopped.signal.aborted) logger.debug({ error: complaint(error) }, 'Cannot tidy up a mirror');
      }
      maintenance = undefined;
    };
    maintenance = { done: run(), stop: () => stopped.abort() };
  }

  async function stopMaintenance(): Promise<void> {
    maintenance?.stop();
    await maintenance?.done;
  }

  async function fetchAndRepair(signal: AbortSignal, expectation: FetchExpectation): Promise<void> {
    try {
      await fetchOnce(signal, expectation);
    } catch (error) {
      if (!DAMAGE.test(cutMiddle(errorMessage(error), MAX_COMPLAINT)) || signal.aborted || !session.exists())
        throw explain(error);
      damaged = true;
      await fetchOnce(signal, expectation).catch((second: unknown) => {
        throw explain(second);
      });
    }
  }

  function complaint(error: unknown): string {
    return redactCredentials(errorMessage(error)).trim().split('\n').slice(0, 4).join('; ').slice(0, 500);
  }

  /** git's words, without credentials, as an error whose class says whether trying again can help. */
  function explain(error: unknown): Error {
    const text = complaint(error);
    const message = `Cannot fetch "${name}": ${text}`;
    if (UNREACHABLE.test(text) || !/fatal:|not found|denied|authentication/i.test(text))
      return new TransientError(message);
    return new UserError(message);
  }

  return {
    reportDamage: () => void (damaged = true),
    async fetch(signal, expectation) {
      // One transfer at a time; those who come meanwhile need a newer answer than the one under way may give.
      while (fetching) await fetching.catch(() => undefined);
      signal.throwIfAborted();
      const bounded = createAbort();
      const stop = (): void => bounded.abort();
      const timer = options.clock.setTimer(stop, options.timeoutMs ?? FETCH_TIMEOUT_MS);
      signal.addEventListener('abort', stop, { once: true });
      fetching = fetchAndRepair(bounded.signal, expectation);
      try {
        await fetching;
      } finally {
        timer.cancel();
        signal.removeEventListener('abort', stop);
        fetching = undefined;
      }
    },
    [Symbol.asyncDispose]: stopMaintenance,
  };
}
