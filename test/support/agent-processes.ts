/** A control plane and hollow agents in processes of their own, which may be stopped or killed. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createKubectl, type Kubectl, runProgram } from './kubectl.ts';
import { freePort } from './symphony.ts';

const BIN = fileURLToPath(new URL('../../bin/symphony', import.meta.url));
const PATH = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`;

export interface AgentProcesses extends AsyncDisposable {
  readonly kubectl: Kubectl;
  readonly agents: ReadonlyMap<string, ChildProcess>;
}

/** Resolves when all nodes are ready. */
export async function startAgentProcesses(
  nodes: readonly string[],
  serverArgs: readonly string[] = [],
): Promise<AgentProcesses> {
  const directory = await mkdtemp(join(tmpdir(), 'symphony-agents-'));
  const children: ChildProcess[] = [];
  const end = async (): Promise<void> => {
    for (const child of children) child.kill('SIGKILL');
    await rm(directory, { recursive: true, force: true });
  };

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
        output = `${output}${text}`.slice(-10_000);
        if (output.includes(ready)) resolve(child);
      };
      child.stdout.setEncoding('utf8').on('data', hear);
      child.stderr.setEncoding('utf8').on('data', hear);
      child.once('exit', () => reject(new Error(`symphony ${args[0] ?? ''} ended: ${output}`)));
    });
  }

  try {
    const port = await freePort();
    const dataDir = join(directory, 'server');
    const listen = ['--data-dir', dataDir, '--listen', `127.0.0.1:${port}`];
    await run(['control-plane', ...listen, ...serverArgs], 'KUBECONFIG=');
    const kubeconfig = join(dataDir, 'kubeconfig');
    const kubectl = createKubectl(kubeconfig, directory);
    const made = await runProgram(process.execPath, [BIN, 'token', 'create', '--kubeconfig', kubeconfig], {
      env: { PATH, HOME: directory },
    });
    const tokenFile = join(directory, 'token');
    await writeFile(tokenFile, made.stdout);
    const server = ['--server', `https://127.0.0.1:${port}`, '--token-file', tokenFile];
    const agents = new Map<string, ChildProcess>();
    for (const name of nodes) {
      const node = ['--node-name', name, '--runtime', 'hollow', '--data-dir', join(directory, name)];
      agents.set(name, await run(['agent', ...server, ...node], `Node ${name} is running pods`));
    }
    await kubectl('wait', '--for=condition=Ready', 'nodes', '--all', '--timeout=30s');
    return { kubectl, agents, [Symbol.asyncDispose]: end };
  } catch (error) {
    await end();
    throw error;
  }
}
