/**
 * Runs git with a minimal environment, our own configuration and fixed options. Nothing from an
 * Application or a repository ever becomes an option.
 *
 * A Git server is not trusted: memory, file size, output and time of each command are bounded, and
 * a command ends with all its helpers (git-remote-https, ssh, index-pack).
 */
import { anySignal, createAbort } from '../../base/abort.ts';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { simpleGit } from 'simple-git';
import { withPlace } from '../../base/child-processes/child-process.ts';
import type { ProcessLimits } from '../../base/child-processes/confinement.ts';
import { groupLauncher, launcherEnvironment } from '../../base/child-processes/group-launcher.ts';
import { UserError } from '../../base/errors.ts';
import { makeDirectory } from '../../base/make-directory.ts';
import type { RepoUrl } from './git-url.ts';

export interface GitCredentials {
  readonly username: string;
  readonly password: string;
}

/** Where git and ssh are looked for when the caller names no PATH. */
const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/homebrew/bin';

/** A command that prints no progress for this long is given up. */
const SILENCE_TIMEOUT_MS = 60_000;
/** An HTTP transfer below this rate for {@link SLOW_SECONDS} is given up (low-speed limit). */
const SLOW_BYTES_PER_SECOND = 1_000;
const SLOW_SECONDS = 30;

/** A process that is left behind and holds the output open is not waited for. */
const OUTPUT_PATIENCE_MS = 5_000;

const MIB = 1024 * 1024;
/**
 * Private memory of each git process: room for some million objects or refs. A pack that needs
 * more, or a server that lists refs for ever, ends the process and not the host.
 */
const MEMORY_BYTES = 512 * MIB;
/** The largest pack. A repository of manifests has some megabytes. */
const MAX_PACK_BYTES = 4 * 1024 * MIB;
/** A command prints at most this, with the server's messages: about 300,000 refs or files. */
export const MAX_OUTPUT_BYTES = 32 * MIB;
/** Larger blobs are streamed. They are far above what is read as a manifest. */
const BIG_FILE_MIB = 16;

export function gitEnvironment(options: {
  readonly configFile: string;
  readonly repository: RepoUrl;
  /** PATH, HOME, SSH_AUTH_SOCK of this process, as src/config read them. */
  readonly inherited: Readonly<Record<string, string>>;
}): Readonly<Record<string, string>> {
  const { transport } = options.repository;
  const environment: Record<string, string> = {
    PATH: options.inherited['PATH'] ?? DEFAULT_PATH,
    // Only ssh needs it (keys, known hosts). curl would send the passwords of ~/.netrc.
    HOME: (transport === 'ssh' ? options.inherited['HOME'] : undefined) ?? '/nonexistent',
    LC_ALL: 'C',
    GIT_CONFIG_GLOBAL: options.configFile,
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_ATTR_NOSYSTEM: '1',
    GIT_TERMINAL_PROMPT: '0',
    GIT_ALLOW_PROTOCOL: transport,
    GIT_OPTIONAL_LOCKS: '0',
    GIT_NO_REPLACE_OBJECTS: '1',
    ...launcherEnvironment('git'),
  };
  const agent = options.inherited['SSH_AUTH_SOCK'];
  if (agent !== undefined && transport === 'ssh') environment['SSH_AUTH_SOCK'] = agent;
  return environment;
}

/** For {@link withConfig}, since the process list shows arguments to every user of the machine. */
export function authorizationConfig(
  { transport }: RepoUrl,
  credentials: GitCredentials | undefined,
): Readonly<Record<string, string>> {
  if (!credentials || (transport !== 'https' && transport !== 'http')) return {};
  const pair = `${credentials.username}:${credentials.password}`;
  return { 'http.extraHeader': `Authorization: Basic ${Buffer.from(pair).toString('base64')}` };
}

/** The environment with more configuration, which wins over the file's. */
export function withConfig(
  environment: Readonly<Record<string, string>>,
  config: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const next: Record<string, string> = { ...environment };
  let count = Number(environment['GIT_CONFIG_COUNT'] ?? 0);
  for (const [key, value] of Object.entries(config)) {
    next[`GIT_CONFIG_KEY_${count}`] = key;
    next[`GIT_CONFIG_VALUE_${count}`] = value;
    count += 1;
  }
  return count === 0 ? next : { ...next, GIT_CONFIG_COUNT: String(count) };
}

export interface GitFiles {
  readonly config: string;
  readonly launcher: string;
}

/** The whole configuration of our git processes, and their launcher. Git reads no other. */
export async function writeGitFiles(
  directory: string,
  repository: RepoUrl,
  limits: ProcessLimits = {},
): Promise<GitFiles> {
  const safe = repository.transport === 'file' ? [repository.remote, join(repository.remote, '.git')] : [];
  const lines = [
    '[core]',
    '\thooksPath = /dev/null',
    '\tattributesFile = /dev/null',
    '\tfsmonitor = false',
    `\tbigFileThreshold = ${BIG_FILE_MIB}m`,
    '\tpackedGitLimit = 256m',
    '\tdeltaBaseCacheLimit = 32m',
    // No connection is shared: the process that keeps one leaves our group and stays.
    '\tsshCommand = ssh -o BatchMode=yes -o ConnectTimeout=10 -o ServerAliveInterval=15 -o ControlMaster=no -o ControlPath=none -o ForwardAgent=no -o PermitLocalCommand=no',
    '[init]',
    '\ttemplateDir =',
    '[http]',
    '\tfollowRedirects = false',
    '\tpostBuffer = 1m',
    `\tlowSpeedLimit = ${SLOW_BYTES_PER_SECOND}`,
    `\tlowSpeedTime = ${SLOW_SECONDS}`,
    '[protocol]',
    // With version 2 a server is asked for branches and tags only, not for everything that it has.
    '\tversion = 2',
    '[protocol "ext"]',
    '\tallow = never',
    '[transfer]',
    '\tbundleURI = false',
    '[pack]',
    '\tthreads = 1',
    '\twindowMemory = 64m',
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
  await makeDirectory(directory, 0o700);
  const config = join(directory, 'symphony.gitconfig');
  const launcher = join(directory, 'symphony-git.sh');
  await writeFile(config, `${lines.join('\n')}\n`, { mode: 0o600 });
  const bounds = { memoryBytes: MEMORY_BYTES, fileBytes: MAX_PACK_BYTES, ...limits };
  await writeFile(launcher, groupLauncher('git', bounds), { mode: 0o600 });
  return { config, launcher };
}

const quoteConfig = (value: string): string => `"${value.replace(/[\\"]/g, '\\$&')}"`;

export interface GitProcessOptions {
  readonly silenceTimeoutMs?: number | undefined;
  /** Ends the command with all its helpers. */
  readonly signal?: AbortSignal | undefined;
}

/** One git command: its arguments → what it printed. Rejects with what it complained about. */
export interface Git {
  (...args: readonly string[]): Promise<string>;
  /** As well, and ends when this signal aborts. */
  until(signal: AbortSignal, ...args: readonly string[]): Promise<string>;
}

export function createGit(
  directory: string,
  launcher: string,
  environment: Readonly<Record<string, string>>,
  options: GitProcessOptions = {},
): Git {
  const { silenceTimeoutMs = SILENCE_TIMEOUT_MS, signal } = options;
  const run = async (signals: readonly AbortSignal[], args: readonly string[]): Promise<string> => {
    using wanted = anySignal(...signals);
    return await withPlace('git', wanted, async () => {
      const tooMuch = createAbort();
      using bounded = anySignal(tooMuch.signal, wanted);
      let printed = 0;
      const count = (chunk: Buffer): void => {
        printed += chunk.length;
        if (printed > MAX_OUTPUT_BYTES) tooMuch.abort();
      };
      const git = simpleGit({
        baseDir: directory,
        binary: ['/bin/sh', launcher],
        trimmed: false,
        timeout: { block: silenceTimeoutMs },
        // A busy machine reads the last words of a process that has ended some time later.
        completion: { onClose: true, onExit: OUTPUT_PATIENCE_MS },
        abort: bounded,
        // By default a command that fails in silence, as a killed one does, counts as done.
        errors: (error, { exitCode, stdErr }) =>
          error ?? (exitCode === 0 ? undefined : failureOf(args, exitCode, stdErr)),
        // The guards protect against variables that a user controls; these are the ones set above.
        allowEnvironment: Object.keys(environment),
        unsafe: {
          allowUnsafeConfigPaths: true,
          allowUnsafeConfigEnvCount: true,
          allowUnsafeCustomBinary: true,
        },
      })
        .env({ ...environment })
        .outputHandler((_, stdout, stderr) => {
          stdout.on('data', count);
          stderr.on('data', count);
        });
      try {
        return await git.raw([...args]);
      } catch (error) {
        if (!tooMuch.signal.aborted) throw error;
        throw new UserError(
          `git ${args[0]} prints more than ${MAX_OUTPUT_BYTES / MIB} MiB: there are too many refs, files or messages`,
          { cause: error },
        );
      }
    });
  };
  const always = signal === undefined ? [] : [signal];
  return Object.assign((...args: readonly string[]) => run(always, args), {
    until: (other: AbortSignal, ...args: readonly string[]) => run([...always, other], args),
  });
}

function failureOf(args: readonly string[], exitCode: number | null, stdErr: readonly Buffer[]): Error {
  const said = Buffer.concat(stdErr).toString('utf8');
  return new Error(said.trim() === '' ? `git ${args[0]} ended with ${exitCode} and said nothing` : said);
}
