/**
 * A bare mirror of one repository on local disk, through simple-git and `git cat-file`.
 *
 * A fetch first asks the remote for its refs (`ls-remote`, one round trip) and transfers only when they differ: an
 * unchanged repository costs some milliseconds, and simple-git's 50 ms wait after silent commands is avoided. A mirror
 * that turns out to be damaged is removed and made anew; everything in it can be fetched again. No error carries a
 * credential.
 */
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { SimpleGit } from 'simple-git';
import type { Clock } from '../../base/clock.ts';
import { TransientError, UserError, errorMessage } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import { cutMiddle } from '../../base/text.ts';
import { type GitCredentials, createGit, gitEnvironment, writeGitConfig } from './git-process.ts';
import { type RepoUrl, parseRepoUrl, redactCredentials, redactUrl } from './git-url.ts';
import { type ObjectReader, createObjectReader } from './object-reader.ts';
import { isCommitId, normaliseTreePath, revisionCandidates } from './revision.ts';
import { parseCommit, parseParents, parseLsRemote, parseLsTree, parseRawDiff } from './parse-output.ts';
import type { GitMirror, TreeChange } from './types.ts';

export interface GitMirrorOptions {
  readonly url: string;
  /** Where the bare repository lives; created when missing. Belongs to this mirror alone. */
  readonly directory: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly credentials?: GitCredentials;
  readonly allowFile: boolean;
  /** PATH, HOME and SSH_AUTH_SOCK of this process. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly limits?: GitMirrorLimits;
}

export interface GitMirrorLimits {
  /** A git process that says nothing for this long is given up. */
  readonly silenceTimeoutMs?: number;
  /** A whole fetch takes at most this long, however steadily it trickles. */
  readonly fetchTimeoutMs?: number;
}

/** A first clone of a large repository over a slow line fits; a server that trickles for ever does not. */
const FETCH_TIMEOUT_MS = 1_800_000;

/** A manifest is far smaller; a larger blob (LFS pointers aside, a mistake) is refused before it is read. */
export const MAX_BLOB_BYTES = 10 * 1024 * 1024;
/** Requests in flight to `cat-file`: enough to keep it busy, few enough to bound what is buffered. */
const READ_BATCH = 256;
/** Somebody else pushed notes between our fetch and our push: fetch, add and push again, this often. */
const NOTE_ATTEMPTS = 5;
/** How far back a commit is looked for among the ancestors before git is asked. */
const NEAR_COMMITS = 32;
/** What git says, the server's words in it, as far as it is looked at. */
const MAX_COMPLAINT = 8_192;
const NOTES_REF = 'refs/notes/symphony';

const DAMAGE =
  /not a git repository|object file .* is empty|loose object .* corrupt|bad object|unable to read tree|packfile .* (cannot|is|does)|did not send all necessary objects|missing (blob|tree|commit)|index file corrupt|invalid index-pack|\.lock'?: File exists|bad (tree|ref|signature)|inflate: data stream error/i;
const UNREACHABLE =
  /could not resolve host|abort|block timeout|timed out|timeout|connection (refused|reset)|couldn't connect|failed to connect|network is unreachable|remote end hung up|early eof|HTTP 5\d\d|returned error: (5\d\d|429)|operation too slow|Empty reply|gnutls|SSL_|ssl certificate|Broken pipe|RPC failed/i;

export function createGitMirror(options: GitMirrorOptions): GitMirror {
  const repository = parseRepoUrl(options.url, { allowFile: options.allowFile });
  const logger = options.logger.child({ component: 'git', repository: redactUrl(options.url) });
  const session = createSession(options, repository);
  let fetching: Promise<void> | undefined;
  let knownRefs: string | undefined;
  let knownHead: string | undefined;
  let damaged = false;

  async function fetchOnce(signal: AbortSignal): Promise<void> {
    if (damaged) {
      damaged = false;
      logger.warn({}, 'Mirror is damaged; making it anew');
      knownRefs = undefined;
      knownHead = undefined;
      await session.remove();
    }
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
    if (listing === knownRefs) return;
    const { head } = parseLsRemote(listing);
    const refs = ['+refs/heads/*:refs/heads/*', '+refs/tags/*:refs/tags/*'];
    await git.raw([
      'fetch',
      '--verbose',
      '--prune',
      '--no-tags',
      '--no-recurse-submodules',
      '--no-write-fetch-head',
      '--',
      repository.remote,
      ...refs,
    ]);
    if (head !== undefined && head !== knownHead) await git.raw(['symbolic-ref', 'HEAD', head]);
    knownHead = head;
    knownRefs = listing;
  }

  async function fetchAndRepair(signal: AbortSignal): Promise<void> {
    try {
      await fetchOnce(signal);
    } catch (error) {
      if (!DAMAGE.test(cutMiddle(errorMessage(error), MAX_COMPLAINT)) || signal.aborted || !session.exists())
        throw explain(error);
      damaged = true;
      await fetchOnce(signal).catch((second: unknown) => {
        throw explain(second);
      });
    }
  }

  /** git's words, without credentials, as an error whose class says whether trying again can help. */
  function explain(error: unknown): Error {
    const text = redactCredentials(errorMessage(error))
      .trim()
      .split('\n')
      .slice(0, 4)
      .join('; ')
      .slice(0, 500);
    const message = `Cannot fetch "${redactUrl(options.url)}": ${text}`;
    if (UNREACHABLE.test(text) || !/fatal:|not found|denied|authentication/i.test(text))
      return new TransientError(message);
    return new UserError(message);
  }

  async function read(name: string): Promise<{ type: string; id: string; contents: Buffer } | undefined> {
    const object = await (await session.contents()).read(name);
    return object?.contents ? { type: object.type, id: object.id, contents: object.contents } : undefined;
  }

  /** For an object that the mirror must have: when it does not, the mirror is made anew at the next fetch. */
  function lost(what: string): TransientError {
    damaged = true;
    return new TransientError(`Cannot read ${what} from the mirror: it is missing; the mirror is made anew`);
  }

  async function treeId(commit: string, path: string): Promise<string | undefined> {
    const below = normaliseTreePath(path);
    const found = await (await session.headers()).read(`${checked(commit)}:${below}`);
    return found?.type === 'tree' ? found.id : undefined;
  }

  /**
   * Walks the last commits without starting a process: a push is hardly ever further from the one before. Undefined when
   * it is too far to tell.
   */
  async function isNearAncestor(ancestor: string, commit: string): Promise<boolean | undefined> {
    const waiting = [commit];
    const seen = new Set(waiting);
    for (let walked = 0; walked < NEAR_COMMITS; walked += 1) {
      const next = waiting.shift();
      if (next === undefined) return false;
      const object = await read(next);
      if (object?.type !== 'commit') return undefined;
      for (const parent of parseParents(object.contents.toString('utf8'))) {
        if (parent === ancestor) return true;
        if (!seen.has(parent)) waiting.push(parent);
        seen.add(parent);
      }
    }
    return undefined;
  }

  let notes: Promise<void> = Promise.resolve();

  async function pushNoteNow(...[commit, note]: Parameters<GitMirror['pushNote']>): Promise<void> {
    const git = await session.git();
    for (let attempt = 1; ; attempt += 1) {
      try {
        await fetchNotes(git, repository);
        const text = typeof note === 'string' ? note : note(await currentNote(git, checked(commit)));
        await git.raw(['notes', '--ref=symphony', 'add', '-f', '-m', text, checked(commit)]);
        await git.raw(['push', '--verbose', '--', repository.remote, `${NOTES_REF}:${NOTES_REF}`]);
        return;
      } catch (error) {
        const raced = /rejected|non-fast-forward|fetch first|cannot lock ref|stale info|File exists/i.test(
          errorMessage(error),
        );
        if (!raced || attempt === NOTE_ATTEMPTS) {
          throw new TransientError(
            `Cannot push a note to "${redactUrl(options.url)}": ${redactCredentials(errorMessage(error)).trim().slice(0, 300)}`,
          );
        }
        logger.debug({ attempt }, 'Notes were pushed by somebody else; trying again');
      }
    }
  }

  return {
    async fetch(signal) {
      // One transfer at a time; those who come meanwhile need a newer answer than the one under way may give.
      while (fetching) await fetching.catch(() => undefined);
      signal.throwIfAborted();
      const bounded = new AbortController();
      const stop = (): void => bounded.abort();
      const timer = options.clock.setTimer(stop, options.limits?.fetchTimeoutMs ?? FETCH_TIMEOUT_MS);
      signal.addEventListener('abort', stop, { once: true });
      fetching = fetchAndRepair(bounded.signal);
      try {
        await fetching;
      } finally {
        timer.cancel();
        signal.removeEventListener('abort', stop);
        fetching = undefined;
      }
    },
    async resolve(revision) {
      const headers = await session.headers();
      for (const candidate of revisionCandidates(revision)) {
        const found = await headers.read(`${candidate}^{commit}`);
        if (found?.type === 'commit') return found.id;
      }
      throw new UserError(`Cannot find revision "${revision}" in "${redactUrl(options.url)}"`);
    },
    treeId,
    async tree(commit, path) {
      const below = normaliseTreePath(path);
      const id = await treeId(commit, below);
      if (id === undefined) return [];
      const output = await (await session.git()).raw(['ls-tree', '-r', '-z', '-l', '--full-tree', id]);
      return parseLsTree(output, below === '' ? '' : `${below}/`);
    },
    async changedEntries(fromTree, toTree) {
      if (fromTree === toTree) return [];
      const output = await (await session.git()).raw([
        'diff-tree',
        '-r',
        '-z',
        '--raw',
        '--no-renames',
        '--no-abbrev',
        checked(fromTree),
        checked(toTree),
      ]);
      const headers = await session.headers();
      return Promise.all(
        parseRawDiff(output).map(async ({ path, mode, id }): Promise<TreeChange> => {
          if (id === undefined) return { path, entry: undefined };
          const found = mode === '160000' ? undefined : await headers.read(id);
          return { path, entry: { path, mode, blobId: id, sizeBytes: found?.sizeBytes ?? 0 } };
        }),
      );
    },
    async readBlobs(blobIds) {
      const headers = await session.headers();
      const contents = await session.contents();
      const blobs: Buffer[] = [];
      for (let start = 0; start < blobIds.length; start += READ_BATCH) {
        const batch = blobIds.slice(start, start + READ_BATCH).map(async (id) => {
          const header = await headers.read(checked(id));
          if (header?.type !== 'blob') throw lost('a file');
          if (header.sizeBytes > MAX_BLOB_BYTES) {
            throw new UserError(
              `Cannot read a file of ${header.sizeBytes} bytes: the limit is ${MAX_BLOB_BYTES}`,
            );
          }
          const blob = await contents.read(id);
          if (!blob?.contents) throw lost('a file');
          return blob.contents;
        });
        blobs.push(...(await Promise.all(batch)));
      }
      return blobs;
    },
    async isAncestor(ancestor, commit) {
      if (ancestor === commit) return true;
      const known = await (await session.headers()).read(checked(ancestor));
      if (known?.type !== 'commit') return false;
      const near = await isNearAncestor(ancestor, checked(commit));
      if (near !== undefined) return near;
      const git = await session.git();
      // merge-base exits with 1 when there is no common history at all.
      const base = await git.raw(['merge-base', ancestor, checked(commit)]).catch(() => '');
      return base.trim() === ancestor;
    },
    async lastChange(commit, path) {
      const below = normaliseTreePath(path);
      const git = await session.git();
      const walk = ['log', '-1', '--first-parent', '--format=%H', checked(commit), '--'];
      // `:(literal)`: a folder may be named like a pattern.
      const found = (await git.raw([...walk, ...(below === '' ? [] : [`:(literal)${below}`])])).trim();
      return isCommitId(found) ? found : undefined;
    },
    async describe(commit) {
      const object = await read(checked(commit));
      if (object?.type !== 'commit') throw lost('a commit');
      return parseCommit(object.contents.toString('utf8'));
    },
    pushNote(commit, note) {
      // One at a time: a note reads what is there, and a fetch in between would throw away what was just added.
      const pushed = notes.then(() => pushNoteNow(commit, note));
      notes = pushed.catch(() => undefined);
      return pushed;
    },
    [Symbol.asyncDispose]: () => session.close(),
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

function checked(id: string): string {
  if (!isCommitId(id))
    throw new UserError(`Cannot use ${JSON.stringify(id.slice(0, 80))}: it is no object id`);
  return id;
}

interface Session {
  git(): Promise<SimpleGit>;
  /** For talking to the remote: ends when the signal aborts. */
  transfer(signal: AbortSignal): Promise<SimpleGit>;
  contents(): Promise<ObjectReader>;
  headers(): Promise<ObjectReader>;
  exists(): boolean;
  /** Deletes the repository from disk; it is made anew at the next use. */
  remove(): Promise<void>;
  close(): Promise<void>;
}

/** The processes that work on the directory, started when first needed. */
function createSession(options: GitMirrorOptions, repository: RepoUrl): Session {
  const { directory, clock } = options;
  const { silenceTimeoutMs } = options.limits ?? {};
  const limits = silenceTimeoutMs === undefined ? {} : { silenceTimeoutMs };
  const bare = join(directory, 'mirror.git');
  interface Opened {
    readonly git: SimpleGit;
    readonly environment: Readonly<Record<string, string>>;
    readonly contents: ObjectReader;
    readonly headers: ObjectReader;
  }
  let opened: Promise<Opened> | undefined;

  async function open(): Promise<Opened> {
    const configFile = await writeGitConfig(directory, repository);
    const fromUrl =
      repository.password === undefined
        ? undefined
        : { username: repository.username ?? 'git', password: repository.password };
    const environment = gitEnvironment({
      configFile,
      repository,
      credentials: options.credentials ?? fromUrl,
      inherited: options.environment ?? {},
    });
    const git = createGit(directory, environment, limits);
    if (!existsSync(join(bare, 'HEAD'))) await git.raw(['init', '--bare', bare]);
    await git.cwd(bare);
    const reader = (mode: 'contents' | 'headers'): ObjectReader =>
      createObjectReader({ directory: bare, environment, mode, clock });
    return { git, environment, contents: reader('contents'), headers: reader('headers') };
  }

  async function close(): Promise<void> {
    const current = await opened?.catch(() => undefined);
    opened = undefined;
    await current?.contents[Symbol.asyncDispose]();
    await current?.headers[Symbol.asyncDispose]();
  }

  const current = (): Promise<Opened> => {
    opened ??= open().catch((error: unknown) => {
      opened = undefined;
      throw error;
    });
    return opened;
  };
  return {
    git: async () => (await current()).git,
    transfer: async (signal) => createGit(bare, (await current()).environment, { ...limits, signal }),
    contents: async () => (await current()).contents,
    headers: async () => (await current()).headers,
    exists: () => existsSync(bare),
    async remove() {
      await close();
      await rm(bare, { recursive: true, force: true });
    },
    close,
  };
}
