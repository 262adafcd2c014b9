/**
 * A bare mirror of one repository on local disk. Most reads go through the long-lived `git
 * cat-file`, rare ones through simple-git. Fetching is in git-fetch.ts, the processes in
 * git-session.ts.
 */
import { append } from '../../base/append.ts';
import { TransientError, UserError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import { createBoundedMap } from '../../base/bounded-map.ts';
import { type GitFetcher, createGitFetcher } from './git-fetch.ts';
import { createNotes } from './git-notes.ts';
import { type GitSession, type GitSessionOptions, createGitSession } from './git-session.ts';
import { type RepoUrl, parseRepoUrl, redactUrl } from './git-url.ts';
import { isCommitId, normaliseTreePath, revisionCandidates } from './revision.ts';
import { parseCommit, parseLsTree, parseParents } from './parse-output.ts';
import { type TreeReader, diffTrees, parseTree } from './tree-diff.ts';
import type { GitMirror } from './types.ts';

export interface GitMirrorOptions extends GitSessionOptions {
  readonly url: string;
  readonly logger: Logger;
  readonly allowFile: boolean;
  readonly limits?: GitMirrorLimits;
}

export interface GitMirrorLimits extends NonNullable<GitSessionOptions['limits']> {
  /** A whole fetch takes at most this long, however steadily it trickles. */
  readonly fetchTimeoutMs?: number;
}

/** A larger blob (a mistake; manifests are far smaller) is refused before it is read. */
export const MAX_BLOB_BYTES = 10 * 1024 * 1024;
/** Requests in flight to `cat-file`: enough to keep it busy, few enough to bound buffers. */
const READ_BATCH = 256;
/** Keep this many answers of git: more than the applications of one repository follow. */
const MAX_KNOWN = 4_096;
/** How far back a commit is looked for among the ancestors before git is asked. */
const NEAR_COMMITS = 32;

export function createGitMirror(options: GitMirrorOptions): GitMirror {
  const repository = parseRepoUrl(options.url, { allowFile: options.allowFile });
  const name = redactUrl(options.url);
  const logger = options.logger.child({ component: 'git', repository: name });
  const session = createGitSession(options, repository);
  /** Revisions by the present refs: a poll that brings nothing starts no reader. */
  let resolved = createBoundedMap<string, string>(MAX_KNOWN);
  const fetcher = createGitFetcher({
    ...{ session, repository, name, logger },
    clock: options.clock,
    onRefs() {
      resolved = createBoundedMap(MAX_KNOWN);
    },
    timeoutMs: options.limits?.fetchTimeoutMs,
  });
  const pushNote = createNotes({ session, repository, clock: options.clock, logger });
  const objects = createMirrorObjects(session, fetcher);

  return {
    ...treeReads(objects, session),
    ...historyReads(objects, session),
    fetch: (signal, expectation = 'unknown') => fetcher.fetch(signal, expectation),
    async resolve(revision) {
      // The refs may change meanwhile: then the answer is kept with the earlier ones.
      const answers = resolved;
      const known = answers.get(revision);
      if (known !== undefined) return known;
      for (const candidate of revisionCandidates(revision)) {
        const found = await objects.header(`${candidate}^{commit}`);
        if (found?.type === 'commit') return answers.remember(revision, () => found.id);
      }
      throw new UserError(
        `Cannot find revision "${revision}" in "${name}"${adviceFor(revision, repository)}`,
      );
    },
    pushNote: async (commit, note, signal) => pushNote(checked(commit), note, signal),
    async [Symbol.asyncDispose]() {
      await fetcher[Symbol.asyncDispose]();
      await session.close();
    },
  };
}

/** A web page that is no repository lists no refs, as an empty repository does. */
const adviceFor = (revision: string, { transport }: RepoUrl): string => {
  if (revision !== 'HEAD') return '';
  const isWeb = transport === 'https' || transport === 'http';
  const why = `it has no commit there yet${isWeb ? ', or the address is no Git repository' : ''}`;
  return `: ${why}; commit and push, ${isWeb ? 'correct the address, ' : ''}or name a branch or tag`;
};

type MirrorObjects = ReturnType<typeof createMirrorObjects>;

/** Objects by their names. */
function createMirrorObjects(session: GitSession, fetcher: Pick<GitFetcher, 'reportDamage'>) {
  return {
    header: async (name: string) => (await session.headers()).read(name),
    async read(name: string) {
      const object = await (await session.contents()).read(name);
      return object?.contents ? { ...object, contents: object.contents } : undefined;
    },
    /** For a missing object: reports the damage, so that the next fetch makes the mirror anew. */
    lost(what: string): TransientError {
      fetcher.reportDamage();
      const why = 'it is missing; the mirror is made anew';
      return new TransientError(`Cannot read ${what} from the mirror: ${why}`);
    },
  };
}

function treeReads(
  objects: MirrorObjects,
  session: GitSession,
): Pick<GitMirror, 'treeId' | 'tree' | 'folder' | 'changedEntries' | 'readBlobs'> {
  const { header, read, lost } = objects;
  const knownTrees = createBoundedMap<string, string>(MAX_KNOWN);
  const trees: TreeReader = {
    async tree(id) {
      const object = await read(id);
      if (object?.type !== 'tree') throw lost('a folder');
      return parseTree(object.contents, id.length / 2);
    },
    sizeOf: async (id) => (await header(id))?.sizeBytes ?? 0,
  };

  async function treeId(commit: string, path: string): Promise<string | undefined> {
    const name = `${checked(commit)}:${normaliseTreePath(path)}`;
    const known = knownTrees.get(name);
    if (known !== undefined) return known;
    const found = await header(name);
    return found?.type === 'tree' ? knownTrees.remember(name, () => found.id) : undefined;
  }

  async function readBlob(id: string): Promise<Buffer> {
    const found = await header(checked(id));
    if (found?.type !== 'blob') throw lost('a file');
    if (found.sizeBytes > MAX_BLOB_BYTES)
      throw new UserError(`Cannot read a file of ${found.sizeBytes} bytes: the limit is ${MAX_BLOB_BYTES}`);
    const blob = await read(id);
    if (!blob) throw lost('a file');
    return blob.contents;
  }

  return {
    treeId,
    folder: (id) => trees.tree(checked(id)),
    async tree(commit, path) {
      const below = normaliseTreePath(path);
      const id = await treeId(commit, below);
      if (id === undefined) return [];
      const git = await session.git();
      const output = await git('ls-tree', '-r', '-z', '-l', '--full-tree', id);
      return parseLsTree(output, below === '' ? '' : `${below}/`);
    },
    async changedEntries(fromTree, toTree) {
      // It may be of another mirror, or of a history that is gone: that is no damage.
      if (!(await header(checked(fromTree)))) throw new UserError('Cannot compare with an unknown folder');
      return diffTrees(trees, fromTree, checked(toTree));
    },
    async readBlobs(blobIds) {
      const blobs: Buffer[] = [];
      for (let start = 0; start < blobIds.length; start += READ_BATCH)
        append(blobs, await Promise.all(blobIds.slice(start, start + READ_BATCH).map(readBlob)));
      return blobs;
    },
  };
}

function historyReads(
  { header, read, lost }: MirrorObjects,
  session: GitSession,
): Pick<GitMirror, 'isAncestor' | 'lastChange' | 'describe'> {
  /**
   * Walks the last commits without starting a process: a push is hardly ever further from the one
   * before. Undefined when it is too far to tell.
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

  return {
    async isAncestor(ancestor, commit) {
      if (ancestor === commit) return true;
      const known = await header(checked(ancestor));
      if (known?.type !== 'commit') return false;
      const near = await isNearAncestor(ancestor, checked(commit));
      if (near !== undefined) return near;
      const git = await session.git();
      // merge-base exits with 1 when there is no common history at all.
      const base = await git('merge-base', ancestor, checked(commit)).catch(() => '');
      return base.trim() === ancestor;
    },
    async lastChange(commit, path) {
      const below = normaliseTreePath(path);
      const git = await session.git();
      const walk = ['log', '-1', '--first-parent', '--format=%H', checked(commit), '--'];
      // `:(literal)`: a folder may be named like a pattern.
      const found = (await git(...walk, ...(below === '' ? [] : [`:(literal)${below}`]))).trim();
      return isCommitId(found) ? found : undefined;
    },
    async describe(commit) {
      const object = await read(checked(commit));
      if (object?.type !== 'commit') throw lost('a commit');
      return parseCommit(object.contents.toString('utf8'));
    },
  };
}

function checked(id: string): string {
  if (!isCommitId(id))
    throw new UserError(`Cannot use ${JSON.stringify(id.slice(0, 80))}: it is no object id`);
  return id;
}
