/**
 * A cluster on the test bed: the control plane on the server, and an agent on each host, all as
 * `bin/symphony` in processes of their own.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openScope } from '../../../src/base/scope.ts';
import { createKubectl, eventually, type Kubectl, type RunningProgram } from '../kubectl.ts';
import type { Host } from './host.ts';
import { firstChild, type Place } from './place.ts';
import { startTestbed, type Testbed, type TestbedOptions } from './testbed.ts';

const BIN = fileURLToPath(new URL('../../../bin/symphony', import.meta.url));
const API_PORT = 6443;
/** Enough to tell why a process ended. */
const OUTPUT_TAIL = 10_000;

export interface TestbedClusterOptions extends TestbedOptions {
  readonly controlPlaneArgs?: readonly string[];
  readonly agentArgs?: readonly string[];
  /** Runs when the hosts are there, and nothing of a cluster yet. */
  beforeAgents?(hosts: readonly Host[]): Promise<void>;
}

export interface TestbedCluster extends AsyncDisposable {
  readonly testbed: Testbed;
  readonly hosts: readonly Host[];
  /** Runs on the server. */
  readonly kubectl: Kubectl;
  /** The symphony command, run on the server. */
  cli(...args: readonly string[]): Promise<string>;
  startControlPlane(): Promise<void>;
  stopControlPlane(signal?: 'TERM' | 'KILL'): Promise<void>;
  startAgent(host: Host): Promise<void>;
  stopAgent(host: Host, signal?: 'TERM' | 'KILL'): Promise<void>;
  /** All that the agent of a host has said. */
  agentLog(host: Host): string;
}

/** Resolves when all nodes are ready. */
export const startTestbedCluster = (options: TestbedClusterOptions): Promise<TestbedCluster> =>
  openScope(async (scope) => {
    const testbed = scope.use(await startTestbed(options));
    const { server, serverAddress, directory, hosts } = testbed;
    const dataDir = join(directory, 'server');
    const kubeconfig = join(dataDir, 'kubeconfig');
    const tokenFile = join(directory, 'token');
    const url = `https://${serverAddress}:${API_PORT}`;
    const kubectl = createKubectl(kubeconfig, directory, [...server.within, 'kubectl']);
    const agents = new Map<string, RunningProgram>();
    let controlPlane: RunningProgram | undefined;

    const cli = (...args: readonly string[]): Promise<string> =>
      server.must('env', `HOME=${directory}`, process.execPath, BIN, ...args);

    async function startControlPlane(): Promise<void> {
      const listen = ['--listen', `${serverAddress}:${API_PORT}`, '--data-dir', dataDir];
      const args = ['control-plane', ...listen, ...(options.controlPlaneArgs ?? [])];
      controlPlane = await startSymphony(server, directory, args, 'KUBECONFIG=');
    }

    async function startAgent(host: Host): Promise<void> {
      const place = ['--node-name', host.name, '--node-ip', host.address, '--docker-host', host.dockerHost];
      const join = ['--server', url, '--token-file', tokenFile, '--data-dir', `${host.disk}/agent`];
      const args = ['agent', ...join, ...place, ...(options.agentArgs ?? [])];
      agents.set(host.name, await startSymphony(host.place, directory, args, 'is running pods'));
    }

    await options.beforeAgents?.(hosts);
    await startControlPlane();
    await writeFile(tokenFile, await cli('token', 'create', '--kubeconfig', kubeconfig));
    await Promise.all(hosts.map(startAgent));
    await kubectl('wait', '--for=condition=Ready', 'nodes', '--all', '--timeout=60s');
    return {
      testbed,
      hosts,
      kubectl,
      cli,
      startControlPlane,
      stopControlPlane: (signal = 'TERM') => end(controlPlane, signal),
      startAgent,
      stopAgent: (host, signal = 'TERM') => end(agents.get(host.name), signal),
      agentLog: (host) => agents.get(host.name)?.stdout() ?? '',
    };
  });

async function startSymphony(
  place: Place,
  home: string,
  args: readonly string[],
  ready: string,
): Promise<RunningProgram> {
  const both = ['sh', '-c', 'exec "$0" "$@" 2>&1', process.execPath, BIN, ...args];
  const program = place.start('env', `HOME=${home}`, ...both);
  const isReady = async (): Promise<boolean> =>
    program.stdout().includes(ready) || program.child.exitCode !== null;
  await eventually(`symphony ${args[0] ?? ''} on ${place.name} says "${ready}"`, isReady);
  if (program.child.exitCode !== null)
    throw new Error(`symphony ${args[0] ?? ''} ended: ${program.stdout().slice(-OUTPUT_TAIL)}`);
  return program;
}

async function end(program: RunningProgram | undefined, signal: 'TERM' | 'KILL'): Promise<void> {
  if (!program) return;
  // nsenter does not pass signals on.
  process.kill(await firstChild(program.child), `SIG${signal}`);
  await program.ended;
}
