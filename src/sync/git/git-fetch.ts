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
import { withDeadline } from '../../base/deadline.ts';
import { TransientError, UserError, errorMessage } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import { cutMiddle } from '../../base/text.ts';
import type { Git } from './git-process.ts';
import type { GitSession } from './git-session.ts';
import { type RepoUrl, redactCredentials } from './git-url.ts';
import { complaintLines, parseFetchHead, parseLsRemote } from './parse-output.ts';
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
/** A list of refs has some megabytes at most, and every poll waits for one. */
const LISTING_TIMEOUT_MS = 120_000;
/** What git says, the server's words in it, as far as it is looked at. */
const MAX_COMPLAINT = 8_192;
/** What a person is told of it; its end stays, where git says what is fatal. */
const MAX_TOLD = 500;
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

/** The limits of git-process.ts, in the words of git and its helpers. */
const TOO_LARGE =
  /out of memory|malloc failed|memory exhausted|cannot allocate memory|file too large|ended by signal 25/i;

/** The machine of the control plane lacks something, in the words of the system: no commit is to blame. */
const LACKING =
  /no space left on device|disk quota exceeded|read-only file system|too many open files|input\/output error|resource temporarily unavailable|cannot (fork|create (async )?thread)|unable to create (threaded|temporary file)/i;

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
    await session.converse(signal, async (git) => {
      // Which branch is the default one is only told by a listing; a look from time to time follows it.
      if (expectation === 'news' && knownRefs !== undefined) return transfer(git);
      const { head, refs } = await withDeadline(options.clock, LISTING_TIMEOUT_MS, signal, (soon) =>
        listRefs(git, soon),
      );
      signal.throwIfAborted();
      if (refs !== knownRefs) await transfer(git);
      if (head !== undefined && head !== knownHead) await git('symbolic-ref', 'HEAD', head);
      knownHead = head;
    });
  }

  async function listRefs(git: Git, signal: AbortSignal): Promise<ReturnType<typeof parseLsRemote>> {
    const listing = ['ls-remote', '--symref', '--', repository.remote, 'HEAD', 'refs/heads/*', 'refs/tags/*'];
    return parseLsRemote(await git.until(signal, ...listing));
  }

  async function transfer(git: Git): Promise<void> {
    knownRefs = undefined;
    await git(
      'fetch',
      '--verbose',
      '--prune',
      '--no-tags',
      '--no-recurse-submodules',
      '--no-auto-maintenance',
      '--',
      repository.remote,
      ...REFSPECS,
    );
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
        const git = await session.longWork(stopped.signal, FETCH_TIMEOUT_MS);
        await git('maintenance', 'run', '--auto', '--quiet');
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
    // How long it took makes no other failure: the status would be written again for it.
    const text = redactCredentials(errorMessage(error)).replaceAll(/ after \d+ ms\b/g, '');
    return cutMiddle(complaintLines(text).join('; '), MAX_TOLD);
  }

  /** git's words, without credentials, as an error whose class says whether trying again can help. */
  function explain(error: unknown): Error {
    const text = complaint(error);
    const message = `Cannot fetch "${name}": ${text}`;
    if (error instanceof UserError) return new UserError(message);
    if (TOO_LARGE.test(text))
      return new UserError(`${message}; the repository is larger than the limits of Symphony`);
    if (LACKING.test(text))
      return new TransientError(`${message}; the control plane's machine has to be looked after`);
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
      fetching = withDeadline(options.clock, options.timeoutMs ?? FETCH_TIMEOUT_MS, signal, (bounded) =>
        fetchAndRepair(bounded, expectation),
      );
      try {
        await fetching;
      } finally {
        fetching = undefined;
      }
    },
    [Symbol.asyncDispose]: stopMaintenance,
  };
}
