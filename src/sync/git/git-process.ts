/**
 * How git is run: a minimal environment, our own configuration instead of the user's, and simple-git with fixed
 * options only. Nothing that comes from an Application or a repository ever becomes an option.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type SimpleGit, simpleGit } from 'simple-git';
import type { RepoUrl } from './git-url.ts';

export interface GitCredentials {
  readonly username: string;
  readonly password: string;
}

/** Where git and ssh are looked for when the caller names no PATH. */
const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/homebrew/bin';

/** A transfer that prints no progress for this long is given up. */
const SILENCE_TIMEOUT_MS = 60_000;
/** Below this rate for {@link SLOW_SECONDS} an HTTP transfer is given up (curl's low-speed limit). */
const SLOW_BYTES_PER_SECOND = 1_000;
const SLOW_SECONDS = 30;

export function gitEnvironment(options: {
  readonly configFile: string;
  readonly repository: RepoUrl;
  readonly credentials: GitCredentials | undefined;
  /** PATH, HOME, SSH_AUTH_SOCK of this process, as src/config read them. */
  readonly inherited: Readonly<Record<string, string>>;
}): Readonly<Record<string, string>> {
  const { transport } = options.repository;
  const environment: Record<string, string> = {
    PATH: options.inherited['PATH'] ?? DEFAULT_PATH,
    HOME: options.inherited['HOME'] ?? '/nonexistent',
    LC_ALL: 'C',
    GIT_CONFIG_GLOBAL: options.configFile,
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_TERMINAL_PROMPT: '0',
    GIT_ALLOW_PROTOCOL: transport,
    GIT_OPTIONAL_LOCKS: '0',
    GIT_NO_REPLACE_OBJECTS: '1',
  };
  const agent = options.inherited['SSH_AUTH_SOCK'];
  if (agent !== undefined && transport === 'ssh') environment['SSH_AUTH_SOCK'] = agent;
  if (options.credentials && (transport === 'https' || transport === 'http')) {
    // Through the environment: the process list shows arguments to every user of the machine.
    const pair = `${options.credentials.username}:${options.credentials.password}`;
    environment['GIT_CONFIG_COUNT'] = '1';
    environment['GIT_CONFIG_KEY_0'] = 'http.extraHeader';
    environment['GIT_CONFIG_VALUE_0'] = `Authorization: Basic ${Buffer.from(pair).toString('base64')}`;
  }
  return environment;
}

/** The whole configuration of our git processes; the user's and the system's are not read. */
export async function writeGitConfig(directory: string, repository: RepoUrl): Promise<string> {
  const safe = repository.transport === 'file' ? [repository.remote, join(repository.remote, '.git')] : [];
  const lines = [
    '[core]',
    '\thooksPath = /dev/null',
    '\tsshCommand = ssh -o BatchMode=yes -o ConnectTimeout=10 -o ServerAliveInterval=15',
    '[http]',
    '\tfollowRedirects = false',
    `\tlowSpeedLimit = ${SLOW_BYTES_PER_SECOND}`,
    `\tlowSpeedTime = ${SLOW_SECONDS}`,
    '[protocol "ext"]',
    '\tallow = never',
    '[submodule]',
    '\trecurse = false',
    '[fetch]',
    '\trecurseSubmodules = false',
    '[gc]',
    '\tautoDetach = false',
    '[user]',
    '\tname = Symphony',
    '\temail = symphony@localhost',
    ...safe.flatMap((path) => ['[safe]', `\tdirectory = ${quoteConfig(path)}`]),
  ];
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const file = join(directory, 'symphony.gitconfig');
  await writeFile(file, `${lines.join('\n')}\n`, { mode: 0o600 });
  return file;
}

function quoteConfig(value: string): string {
  return `"${value.replace(/[\\"]/g, '\\$&')}"`;
}

export interface GitProcessOptions {
  readonly silenceTimeoutMs?: number;
  /** Kills the processes when it aborts. */
  readonly signal?: AbortSignal;
}

export function createGit(
  directory: string,
  environment: Readonly<Record<string, string>>,
  { silenceTimeoutMs = SILENCE_TIMEOUT_MS, signal }: GitProcessOptions = {},
): SimpleGit {
  return simpleGit({
    baseDir: directory,
    binary: 'git',
    maxConcurrentProcesses: 4,
    trimmed: false,
    timeout: { block: silenceTimeoutMs },
    ...(signal === undefined ? {} : { abort: signal }),
    // The guards protect against variables that a user controls; these are the ones set above.
    allowEnvironment: Object.keys(environment),
    unsafe: {
      allowUnsafeConfigPaths: true,
      allowUnsafeConfigEnvCount: true,
    },
  }).env({ ...environment });
}
