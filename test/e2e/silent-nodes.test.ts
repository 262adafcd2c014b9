/**
 * Agents in processes of their own fall silent, come back, and are never taken for lost while the
 * machine is merely busy.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createKubectl, eventually, type Kubectl, runProgram } from '../support/kubectl.ts';
import { freePort } from '../support/symphony.ts';

const BIN = fileURLToPath(new URL('../../bin/symphony', import.meta.url));
const PATH = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`;
const NODES = ['n1', 'n2', 'n3'] as const;

const children: ChildProcess[] = [];
const agents = new Map<string, ChildProcess>();
let directory: string;
let kubectl: Kubectl;

function run(args: readonly string[], ready: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, [BIN, ...args], {
    cwd: directory,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH, HOME: directory },
  });
  children.push(child);
  let output = '';
  return new Promise((resolve, reject) => {
    const hear = (text: string): void => {
      output += text;
      if (output.includes(ready)) resolve(child);
    };
    child.stdout.setEncoding('utf8').on('data', hear);
    child.stderr.setEncoding('utf8').on('data', hear);
    child.once('exit', () => reject(new Error(`symphony ${args[0] ?? ''} ended: ${output}`)));
  });
}

const lines = (text: string): readonly string[] => text.split('\n').filter((line) => line !== '');

async function readiness(): Promise<Readonly<Record<string, string>>> {
  const path =
    '{range .items[*]}{.metadata.name} {.status.conditions[?(@.type=="Ready")].status}{"\\n"}{end}';
  return Object.fromEntries(
    lines(await kubectl('get', 'nodes', '-o', `jsonpath=${path}`)).map((line) => line.split(' ')),
  );
}

/** Nodes of the pods that are not being deleted. */
async function placed(): Promise<readonly string[]> {
  const columns = 'NODE:.spec.nodeName,DELETED:.metadata.deletionTimestamp,PHASE:.status.phase';
  const pods = lines(await kubectl('get', 'pods', '--no-headers', '-o', `custom-columns=${columns}`));
  return pods
    .map((line) => line.split(/\s+/))
    .filter(([, deleted, phase]) => deleted === '<none>' && phase === 'Running')
    .map(([node]) => node ?? '');
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'symphony-silent-'));
  const port = await freePort();
  const dataDir = join(directory, 'server');
  const tolerations = ['--default-unreachable-toleration-seconds', '1'];
  await run(
    ['control-plane', '--data-dir', dataDir, '--listen', `127.0.0.1:${port}`, ...tolerations],
    'KUBECONFIG=',
  );
  const kubeconfig = join(dataDir, 'kubeconfig');
  kubectl = createKubectl(kubeconfig, directory);
  const made = await runProgram(process.execPath, [BIN, 'token', 'create', '--kubeconfig', kubeconfig], {
    env: { PATH, HOME: directory },
  });
  const tokenFile = join(directory, 'token');
  await writeFile(tokenFile, made.stdout);
  const server = ['--server', `https://127.0.0.1:${port}`, '--token-file', tokenFile];
  for (const name of NODES) {
    const node = ['--node-name', name, '--runtime', 'hollow', '--data-dir', join(directory, name)];
    agents.set(name, await run(['agent', ...server, ...node], `Node ${name} is running pods`));
  }
  await kubectl('wait', '--for=condition=Ready', 'nodes', '--all', '--timeout=30s');
  await kubectl('create', 'deployment', 'web', '--image=example.test/web:1', '--replicas=6');
  await kubectl('wait', '--for=condition=Available', 'deployment/web', '--timeout=60s');
});

afterAll(async () => {
  for (const child of children) {
    child.kill('SIGCONT');
    child.kill('SIGKILL');
  }
  await rm(directory, { recursive: true, force: true });
});

it('takes no node for lost while every core is busy', async () => {
  const busy = Array.from({ length: cpus().length * 3 }, () =>
    spawn(process.execPath, ['-e', 'const end = Date.now() + 20000; while (Date.now() < end);']),
  );
  try {
    await Promise.all(busy.map((child) => new Promise((resolve) => child.once('exit', resolve))));
  } finally {
    for (const child of busy) child.kill('SIGKILL');
  }
  const events = await kubectl('get', 'events', '--field-selector', 'reason=NodeNotReady', '-o', 'name');
  expect(lines(events)).toEqual([]);
});

it('runs the pods of a silent node elsewhere, and ends the old ones when it is back', async () => {
  const silent = NODES[0];
  expect(await placed()).toContain(silent);
  agents.get(silent)?.kill('SIGSTOP');
  await eventually('the node is lost', async () => (await readiness())[silent] === 'Unknown');
  await eventually('its pods run elsewhere', async () => {
    const nodes = await placed();
    return nodes.length === 6 && !nodes.includes(silent);
  });
  agents.get(silent)?.kill('SIGCONT');
  await eventually('the node is back', async () => (await readiness())[silent] === 'True');
  await eventually(
    'the old pods are gone',
    async () => lines(await kubectl('get', 'pods', '--no-headers')).length === 6,
  );
});
