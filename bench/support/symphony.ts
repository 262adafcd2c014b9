/**
 * The real thing for a benchmark: `bin/symphony up` from the built program, on a repository, a data
 * directory and pod addresses of its own, woken by webhooks signed as GitHub signs them. Everything
 * it made is removed at the end.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { createHmac, randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { clusterIdOf } from '../../src/server/identity/cluster-identity.ts';
import { removeCluster } from '../../test/support/docker.ts';
import { freeRange } from '../../test/support/free-ranges.ts';
import { runProgram } from '../../test/support/kubectl.ts';
import { type TestRepository, createTestRepository } from '../../test/support/git-server.ts';
import { childrenOf } from './usage.ts';

const START_TIMEOUT_MS = 60_000;
const SECRET = 'a secret of the benchmark';

export interface BenchSymphony extends AsyncDisposable {
  readonly repository: TestRepository;
  /** Value of the label `symphony.dev/cluster` of everything it makes. */
  readonly cluster: string;
  readonly pid: number;
  readonly redisPid: number;
  /**
   * From the start of the process to its word that it is ready, for the first time on this data
   * directory.
   */
  readonly readyAfterMs: number;
  /**
   * SIGKILL, and a new start at once; resolves when the old process has ended. Its Redis is left an
   * orphan.
   */
  crash(): Promise<void>;
  /** Tells it of a push; resolves when it has answered. */
  webhook(commit: string): Promise<void>;
  readonly kubectlConfig: string;
  readonly url: string;
  readonly dataDir: string;
  readonly clusterCidr: string;
}

export async function startSymphony(options: {
  readonly commitStatus?: 'notes' | 'none';
  readonly dockerHost?: string;
  readonly pollInterval?: string;
  /** `control-plane` is without nodes. */
  readonly program?: 'up' | 'control-plane';
  /** More flags of the program. */
  readonly flags?: readonly string[];
  /** Flags of Node itself, such as `--cpu-prof`. */
  readonly nodeFlags?: readonly string[];
}): Promise<BenchSymphony> {
  const repository = await createTestRepository();
  // Something always stays: a commit without any object prunes nothing.
  await repository.commit({
    'anchor.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: anchor\n  namespace: default\n',
  });
  const directory = await mkdtemp(join(tmpdir(), 'symphony-bench-'));
  const secretFile = join(directory, 'secret');
  await writeFile(secretFile, SECRET, { mode: 0o600 });
  const dataDir = join(directory, 'data');
  const [port, webhookPort] = [await freePort(), await freePort()];
  const clusterCidr = await freeRange(20);
  const command = [
    ...(options.nodeFlags ?? []),
    'bin/symphony',
    options.program ?? 'up',
    ...['--repo', repository.bare, '--revision', 'main'],
    ...['--data-dir', dataDir, '--listen', `127.0.0.1:${port}`],
    ...['--webhook-listen', `127.0.0.1:${webhookPort}`, '--webhook-secret-file', secretFile],
    ...['--cluster-cidr', clusterCidr, '--poll-interval', options.pollInterval ?? '10m'],
    ...['--commit-status', options.commitStatus ?? 'none', '--log-level', 'warn'],
    ...(options.dockerHost === undefined ? [] : ['--docker-host', options.dockerHost]),
    ...(options.flags ?? []),
  ];
  const startedAt = performance.now();
  let running = run(command);
  const stop = async (): Promise<void> => {
    running.child.kill('SIGTERM');
    await running.ended;
  };
  try {
    await ready(running.child.stdout, running.ended);
  } catch (error) {
    await stop();
    throw error;
  }
  const readyAfterMs = performance.now() - startedAt;
  const kubeconfig = join(dataDir, 'kubeconfig');
  const cluster = await clusterOf(kubeconfig);
  const pidOf = (): number => running.child.pid ?? 0;
  return {
    repository,
    cluster,
    readyAfterMs,
    get pid() {
      return pidOf();
    },
    redisPid: childrenOf(pidOf()).find(({ name }) => name.startsWith('redis'))?.pid ?? 0,
    async crash() {
      running.child.kill('SIGKILL');
      await running.ended;
      running = run(command);
    },
    kubectlConfig: kubeconfig,
    ...{ url: `https://127.0.0.1:${port}`, dataDir, clusterCidr },
    webhook: (commit) => sendPush(`http://127.0.0.1:${webhookPort}/webhooks/github`, repository.bare, commit),
    async [Symbol.asyncDispose]() {
      await stop();
      // Lets go of what the nodes have mounted, which the data directory could not be removed with.
      await runProgram(process.execPath, ['bin/symphony', 'down', '--data-dir', dataDir]);
      await removeCluster(cluster);
      await repository[Symbol.asyncDispose]();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

function run(command: readonly string[]): {
  readonly child: ChildProcessByStdio<null, Readable, null>;
  readonly ended: Promise<void>;
} {
  const child = spawn(
    process.execPath,
    [...(process.env['BENCH_NODE_FLAGS']?.split(' ') ?? []), ...command],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  return { child, ended: new Promise<void>((resolve) => child.once('exit', () => resolve())) };
}

/** A delivery in the form of GitHub's push event. */
async function sendPush(url: string, repository: string, commit: string): Promise<void> {
  const body = JSON.stringify({
    ref: 'refs/heads/main',
    before: '0'.repeat(40),
    after: commit,
    repository: { name: 'served', full_name: 'bench/served', clone_url: repository },
    head_commit: { id: commit },
  });
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'x-github-event': 'push',
      'x-github-delivery': randomUUID(),
      'x-hub-signature-256': `sha256=${createHmac('sha256', SECRET).update(body).digest('hex')}`,
    },
    body,
  });
  await response.arrayBuffer();
  if (response.status !== 202) throw new Error(`A webhook was answered with ${response.status}`);
}

function ready(stdout: NodeJS.ReadableStream, ended: Promise<void>): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = '';
    const timer = setTimeout(() => reject(new Error('symphony up is not ready')), START_TIMEOUT_MS);
    stdout.setEncoding('utf8');
    stdout.on('data', (chunk: string) => {
      text += chunk;
      if (!text.includes('KUBECONFIG')) return;
      clearTimeout(timer);
      resolve();
    });
    void ended.then(() => {
      clearTimeout(timer);
      reject(new Error(`symphony up ended: ${text}`));
    });
  });
}

async function clusterOf(kubeconfig: string): Promise<string> {
  const text = await readFile(kubeconfig, 'utf8');
  const authority = /certificate-authority-data: (\S+)/.exec(text)?.[1] ?? '';
  return clusterIdOf(Buffer.from(authority, 'base64').toString('utf8'));
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}
