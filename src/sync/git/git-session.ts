/** The processes that work on one bare repository, started when first needed. */
import { existsSync } from 'node:fs';
import { readFile, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { ProcessLimits } from '../../base/child-processes/confinement.ts';
import type { Clock } from '../../base/clock.ts';
import { TransientError, UserError, errorMessage } from '../../base/errors.ts';
import { createSlots } from '../../base/slots.ts';
import {
  type Git,
  type GitCredentials,
  MAX_OUTPUT_BYTES,
  authorizationConfig,
  createGit,
  gitEnvironment,
  withConfig,
  writeGitFiles,
} from './git-process.ts';
import type { RepoUrl } from './git-url.ts';
import { type ObjectReader, createObjectReader } from './object-reader.ts';
import { type Lookup, pinnedAddresses } from './remote-address.ts';

export interface GitSessionOptions {
  /** Where the bare repository lives; created when missing. Belongs to this session alone. */
  readonly directory: string;
  readonly clock: Clock;
  /** A function is asked for each conversation: passwords are replaced while we run. */
  readonly credentials?: GitCredentials | (() => Promise<GitCredentials>);
  /** PATH, HOME and SSH_AUTH_SOCK of this process. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly limits?: {
    /** A git process that says nothing for this long is given up. */
    readonly silenceTimeoutMs?: number;
    /** For each git process. */
    readonly process?: ProcessLimits;
  };
  /** Names → addresses; the system's, unless given. */
  readonly lookup?: Lookup;
}

export interface GitSession {
  /** For what needs no remote. */
  git(): Promise<Git>;
  /** For background work: ends when the signal aborts. */
  longWork(signal: AbortSignal, silenceTimeoutMs: number): Promise<Git>;
  /**
   * Talks to the remote, one conversation at a time, until the signal aborts. Refuses a host at a
   * forbidden address. Removes the remains of a failed transfer from disk.
   */
  converse<T>(signal: AbortSignal, talk: (git: Git) => Promise<T>): Promise<T>;
  /** Every ref that the last fetch asked for. */
  fetchHead(): Promise<string>;
  /** A path beside the repository, for a file that lives as long as a command. */
  scratchFile(name: string): string;
  contents(): Promise<ObjectReader>;
  headers(): Promise<ObjectReader>;
  exists(): boolean;
  /** Deletes the repository from disk; it is made anew at the next use. */
  remove(): Promise<void>;
  close(): Promise<void>;
}

export function createGitSession(options: GitSessionOptions, repository: RepoUrl): GitSession {
  const { directory, clock } = options;
  const { silenceTimeoutMs } = options.limits ?? {};
  const bare = join(directory, 'mirror.git');
  let opened: ReturnType<typeof open> | undefined;

  async function open() {
    const { config, launcher } = await writeGitFiles(directory, repository, options.limits?.process);
    const inherited = options.environment ?? {};
    const environment = gitEnvironment({ configFile: config, repository, inherited });
    if (!existsSync(join(bare, 'HEAD')))
      await createGit(directory, launcher, environment, { silenceTimeoutMs })('init', '--bare', bare);
    const reader = (mode: 'contents' | 'headers'): ObjectReader =>
      createObjectReader({ directory: bare, environment, mode, clock });
    return { launcher, environment, contents: reader('contents'), headers: reader('headers') };
  }

  async function authorization(): Promise<Readonly<Record<string, string>>> {
    const { username = 'git', password } = repository;
    const { credentials = password === undefined ? undefined : { username, password } } = options;
    const given = typeof credentials === 'function' ? await credentials() : credentials;
    return authorizationConfig(repository, given);
  }

  async function close(): Promise<void> {
    const current = await opened?.catch(() => undefined);
    opened = undefined;
    await current?.contents[Symbol.asyncDispose]();
    await current?.headers[Symbol.asyncDispose]();
  }

  const current = (): ReturnType<typeof open> => {
    opened ??= open().catch((error: unknown) => {
      opened = undefined;
      // A full disk, for example.
      throw new TransientError(`Cannot open the mirror: ${errorMessage(error)}`, { cause: error });
    });
    return opened;
  };
  async function gitWith(signal: AbortSignal | undefined, silenceMs = silenceTimeoutMs): Promise<Git> {
    const { launcher, environment } = await current();
    return createGit(bare, launcher, environment, { silenceTimeoutMs: silenceMs, signal });
  }

  const conversations = createSlots(1);

  async function converse<T>(signal: AbortSignal, talk: (git: Git) => Promise<T>): Promise<T> {
    const leave = await conversations.enter(signal);
    try {
      const pinned = await pinnedAddresses(repository, signal, options.lookup);
      const config = { ...pinned, ...(await authorization()) };
      const { launcher, environment } = await current();
      const git = createGit(bare, launcher, withConfig(environment, config), { silenceTimeoutMs, signal });
      return await talk(git);
    } catch (error) {
      await removeRemains(bare);
      throw error;
    } finally {
      leave();
    }
  }

  return {
    git: () => gitWith(undefined),
    longWork: gitWith,
    converse,
    async fetchHead() {
      const path = join(bare, 'FETCH_HEAD');
      // It has one line for each ref that the server named.
      const { size } = await stat(path);
      if (size > MAX_OUTPUT_BYTES) throw new UserError('Cannot use the repository: it has too many refs');
      return readFile(path, 'utf8');
    },
    scratchFile: (name) => join(directory, name),
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

/** Removes packs and objects of a killed git: git itself removes them after two weeks. */
async function removeRemains(bare: string): Promise<void> {
  const objects = join(bare, 'objects');
  for (const folder of [objects, join(objects, 'pack')]) {
    for (const name of await readdir(folder).catch(() => [])) {
      if (name.startsWith('tmp_')) await rm(join(folder, name), { recursive: true, force: true });
    }
  }
}
