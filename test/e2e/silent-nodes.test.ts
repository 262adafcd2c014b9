/**
 * Agents in processes of their own fall silent, come back, and are never taken for lost while the
 * machine is merely busy.
 */
import { spawn } from 'node:child_process';
import { cpus } from 'node:os';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type AgentProcesses, startAgentProcesses } from '../support/agent-processes.ts';
import { eventually, type Kubectl, WAIT_TIMEOUT } from '../support/kubectl.ts';

const NODES = ['n1', 'n2', 'n3'] as const;

let cluster: AgentProcesses;
let kubectl: Kubectl;

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
  cluster = await startAgentProcesses(NODES, ['--default-unreachable-toleration-seconds', '1']);
  ({ kubectl } = cluster);
  await kubectl('create', 'deployment', 'web', '--image=example.test/web:1', '--replicas=6');
  await kubectl('wait', '--for=condition=Available', 'deployment/web', WAIT_TIMEOUT);
});

afterAll(() => cluster[Symbol.asyncDispose]());

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
  cluster.agents.get(silent)?.kill('SIGSTOP');
  await eventually('the node is lost', async () => (await readiness())[silent] === 'Unknown');
  await eventually('its pods run elsewhere', async () => {
    const nodes = await placed();
    return nodes.length === 6 && !nodes.includes(silent);
  });
  cluster.agents.get(silent)?.kill('SIGCONT');
  await eventually('the node is back', async () => (await readiness())[silent] === 'True');
  await eventually(
    'the old pods are gone',
    async () => lines(await kubectl('get', 'pods', '--no-headers')).length === 6,
  );
});
