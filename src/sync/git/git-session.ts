/** The processes that work on one bare repository, started when first needed. */
import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { SimpleGit } from 'simple-git';
import type { Clock } from '../../base/clock.ts';
import { type GitCredentials, createGit, gitEnvironment, writeGitConfig } from './git-process.ts';
import type { RepoUrl } from './git-url.ts';
import { type ObjectReader, createObjectReader } from './object-reader.ts';

export interface GitSessionOptions {
  /** Where the bare repository lives; created when missing. Belongs to this session alone. */
  readonly directory: string;
  readonly clock: Clock;
  readonly credentials?: GitCredentials;
  /** PATH, HOME and SSH_AUTH_SOCK of this process. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly limits?: {
    /** A git process that says nothing for this long is given up. */
    readonly silenceTimeoutMs?: number;
  };
}

export interface GitSession {
  git(): Promise<SimpleGit>;
  /** For talking to the remote: ends when the signal aborts. */
  transfer(signal: AbortSignal, silenceTimeoutMs?: number): Promise<SimpleGit>;
  /** What the last fetch wrote down: every ref that it asked for. */
  fetchHead(): Promise<string>;
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
    transfer: async (signal, silenceMs) =>
      createGit(bare, (await current()).environment, {
        ...limits,
        ...(silenceMs === undefined ? {} : { silenceTimeoutMs: silenceMs }),
        signal,
      }),
    fetchHead: () => readFile(join(bare, 'FETCH_HEAD'), 'utf8'),
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
