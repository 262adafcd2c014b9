/**
 * A whole Symphony for end-to-end tests: `bin/symphony up` as a child process on a data directory
 * of its own, with the real Redis, Git and Docker Engine. Several may share one Engine: every one
 * has its own port and pod addresses.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { onTestFailed } from 'vitest';
import { labelKeys } from '../../src/node-agent/runtime/types.ts';
import { clusterIdOf } from '../../src/server/identity/cluster-identity.ts';
import { connectDocker, removeCluster } from './docker.ts';
import { freeRange } from './free-ranges.ts';
import { createTestRepository, git, type TestRepository } from './git-server.ts';
import {
  createKubectl,
  eventually,
  type Kubectl,
  type ProgramResult,
  runProgram,
  startProgram,
  type RunningProgram,
} from './kubectl.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const BIN = join(ROOT, 'bin', 'symphony');
const READY_TIMEOUT_MS = 120_000;
const STOP_TIMEOUT_MS = 60_000;
const LOG_TAIL_LINES = 60;

export interface SymphonyOptions {
  /** 1 when left out. */
  readonly nodes?: number;
  /** `300ms` when left out. */
  readonly pollInterval?: string;
  /** Committed before the first start. */
  readonly files?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
}

export interface CommitNote {
  readonly state: string;
  readonly description: string;
}

/** These must not change when nothing was to be done. */
export interface ContainerFacts {
  readonly id: string;
  readonly pod: string;
  readonly namespace: string;
  readonly podUid: string;
  readonly container: string;
  readonly node: string;
  readonly role: string;
  readonly image: string;
  readonly running: boolean;
  readonly startedAt: string;
}

export interface Symphony extends AsyncDisposable {
  readonly dataDir: string;
  /** `https://127.0.0.1:PORT` */
  readonly url: string;
  readonly repository: TestRepository;
  readonly kubectl: Kubectl;
  /** The label `symphony.dev/cluster`. */
  cluster(): Promise<string>;
  start(): Promise<void>;
  /** SIGTERM, and waits for the end; the exit code. */
  stop(): Promise<number | null>;
  /**
   * SIGKILL of the process; `withRedis` as in a power failure, otherwise its redis-server is left
   * an orphan.
   */
  kill(options?: { readonly withRedis?: boolean }): Promise<void>;
  /** FLUSHALL; resolves when the control plane serves another history, whose rebuild has begun. */
  loseStore(): Promise<void>;
  /** The symphony command as a client of this system. */
  cli(...args: readonly string[]): Promise<ProgramResult>;
  startCli(...args: readonly string[]): RunningProgram;
  /** The commit status, as its Git note says it. */
  note(sha: string): Promise<CommitNote | undefined>;
  untilNote(sha: string, state: string, timeoutMs?: number): Promise<CommitNote>;
  /** All containers of this cluster, from the Docker Engine, by container id. */
  containers(): Promise<readonly ContainerFacts[]>;
  log(): string;
  /** Prints the log's end when the test that is running fails. Call it in a `beforeEach`. */
  explainFailure(): void;
}

export async function startSymphony(options: SymphonyOptions = {}): Promise<Symphony> {
  const dataDir = await mkdtemp(join(tmpdir(), 'symphony-e2e-'));
  const repository = await createTestRepository();
  await repository.commit({ 'README.md': 'Manifests\n', ...options.files }, 'First');
  const port = await freePort();
  const clusterCidr = await freeRange(20);
  // Clusters on one machine share its kernel.
  const serviceCidr = await freeRange(24);
  const docker = connectDocker();
  let child: ChildProcess | undefined;
  let ended: Promise<number | null> = Promise.resolve(null);
  let log = '';

  const args = [
    ['--repo', repository.bare, '--data-dir', dataDir, '--listen', `127.0.0.1:${port}`],
    ['--nodes', String(options.nodes ?? 1), '--cluster-cidr', clusterCidr, '--commit-status', 'notes'],
    ['--poll-interval', options.pollInterval ?? '300ms', '--stability-window', '1s'],
    ['--service-cidr', serviceCidr],
    options.args ?? [],
  ].flat();
  const kubectl = createKubectl(join(dataDir, 'kubeconfig'), dataDir);

  async function start(): Promise<void> {
    const started = spawn(process.execPath, [BIN, 'up', ...args], {
      cwd: dataDir,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`, HOME: dataDir },
    });
    child = started;
    log += `--- symphony up, process ${started.pid ?? 0}\n`;
    let output = '';
    started.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      log += text;
    });
    started.stderr.setEncoding('utf8').on('data', (text: string) => void (log += text));
    ended = new Promise((resolve) => started.once('exit', (code) => resolve(code)));
    const isReady = async (): Promise<boolean> => {
      if (started.exitCode !== null || started.signalCode !== null) return true;
      return output.includes('Symphony is ready') && output.includes('KUBECONFIG=');
    };
    await eventually(`symphony up is ready; its log:\n${tail(log)}`, isReady, READY_TIMEOUT_MS);
    if (started.exitCode !== null) throw new Error(`symphony up ended: ${tail(log)}`);
  }

  async function stop(): Promise<number | null> {
    child?.kill('SIGTERM');
    const timeout = setTimeout(() => child?.kill('SIGKILL'), STOP_TIMEOUT_MS);
    const code = await ended;
    clearTimeout(timeout);
    return code;
  }

  async function kill({ withRedis = false } = {}): Promise<void> {
    child?.kill('SIGKILL');
    await ended;
    if (withRedis) await killRedis(dataDir);
  }

  async function loseStore(): Promise<void> {
    const version = async (): Promise<string> =>
      (await kubectl.json('get', 'namespace', 'default')).metadata.resourceVersion;
    const before = await version();
    const redis = new Redis({ path: join(dataDir, 'redis', 'redis.sock'), protocol: 2 });
    await redis.flushall();
    redis.disconnect();
    // Until the loss is noticed, the old objects are served.
    await eventually('the loss of the store is noticed', async () => (await version()) !== before);
  }

  async function cluster(): Promise<string> {
    return clusterIdOf(await readFile(join(dataDir, 'tls', 'ca.crt'), 'utf8'));
  }

  const cliArgs = (rest: readonly string[]): readonly string[] => {
    const [command = '', ...others] = rest;
    const connects = !['validate', 'down'].includes(command);
    return [BIN, command, ...(connects ? ['--data-dir', dataDir] : []), ...others];
  };
  const cliOptions = { cwd: repository.work, env: { HOME: dataDir, NO_COLOR: '1' } };

  async function note(sha: string): Promise<CommitNote | undefined> {
    try {
      return JSON.parse(await git(repository.bare, 'notes', '--ref=symphony', 'show', sha)) as CommitNote;
    } catch {
      return undefined;
    }
  }

  async function dispose(): Promise<void> {
    if (child?.exitCode === null && child.signalCode === null) await stop();
    await killRedis(dataDir);
    await runProgram(process.execPath, [BIN, 'down', '--data-dir', dataDir]);
    await removeCluster(await cluster());
    await repository[Symbol.asyncDispose]();
    await rm(dataDir, { recursive: true, force: true });
  }

  const symphony: Symphony = {
    dataDir,
    url: `https://127.0.0.1:${port}`,
    repository,
    kubectl,
    cluster,
    start,
    stop,
    kill,
    loseStore,
    cli: (...rest) => runProgram(process.execPath, cliArgs(rest), cliOptions),
    startCli: (...rest) => startProgram(process.execPath, cliArgs(rest), cliOptions),
    note,
    async untilNote(sha, state, timeoutMs) {
      let last: CommitNote | undefined;
      try {
        return await eventually(
          `commit ${sha.slice(0, 8)} is ${state}`,
          async () => {
            last = await note(sha);
            return last?.state === state && last;
          },
          timeoutMs,
        );
      } catch (error) {
        throw new Error(`${(error as Error).message}; it says ${JSON.stringify(last)}`, { cause: error });
      }
    },
    async containers() {
      const filters = { label: [`${labelKeys.cluster}=${await cluster()}`] };
      const found = await docker.listContainers({ all: true, filters });
      const facts = await Promise.all(found.map(({ Id }) => containerFacts(docker, Id)));
      return facts.filter((fact) => fact !== undefined).sort((a, b) => (a.id < b.id ? -1 : 1));
    },
    log: () => log,
    explainFailure() {
      onTestFailed(() => console.error(`The end of the log of symphony up:\n${tail(log)}`));
    },
    [Symbol.asyncDispose]: dispose,
  };
  try {
    await start();
    // Pods cannot be created in a namespace before.
    await eventually(
      'the namespace default has its service account',
      async () => (await kubectl.try('get', 'serviceaccount', 'default')).code === 0,
    );
  } catch (error) {
    await dispose().catch(() => undefined);
    throw error;
  }
  return symphony;
}

/** Undefined when it is gone meanwhile. */
async function containerFacts(
  docker: ReturnType<typeof connectDocker>,
  id: string,
): Promise<ContainerFacts | undefined> {
  try {
    const { Config, State } = await docker.getContainer(id).inspect();
    const label = (key: string): string => Config.Labels[key] ?? '';
    return {
      id,
      pod: label(labelKeys.podName),
      namespace: label(labelKeys.podNamespace),
      podUid: label(labelKeys.podUid),
      container: label(labelKeys.containerName),
      node: label(labelKeys.node),
      role: label(labelKeys.role),
      image: Config.Image,
      running: State.Running,
      startedAt: State.StartedAt,
    };
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode === 404) return undefined;
    throw error;
  }
}

/** The redis-server that works in this data directory, if one does; waits until it is gone. */
async function killRedis(dataDir: string): Promise<void> {
  const pid = Number(await readFile(join(dataDir, 'redis', 'redis.pid'), 'utf8').catch(() => '0'));
  const isOurs = async (): Promise<boolean> =>
    pid > 1 && (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).includes(dataDir);
  if (!(await isOurs())) return;
  process.kill(pid, 'SIGKILL');
  await eventually('redis-server is gone', async () => !(await isOurs()));
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}

function tail(text: string): string {
  return text.trimEnd().split('\n').slice(-LOG_TAIL_LINES).join('\n');
}

/** A file beside the data directory's own, such as a webhook secret. */
export async function writeTemporary(directory: string, name: string, text: string): Promise<string> {
  const path = join(directory, name);
  await writeFile(path, text, { mode: 0o600 });
  return path;
}
