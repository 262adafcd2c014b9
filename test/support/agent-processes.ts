/** A control plane and hollow agents in processes of their own, which may be stopped or killed. */
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { openScope } from '../../src/base/scope.ts';
import { createKubectl, type Kubectl, WAIT_TIMEOUT } from './kubectl.ts';
import { createSymphonyProcesses } from './symphony-processes.ts';
import { freePort } from './symphony.ts';

export interface AgentProcesses extends AsyncDisposable {
  readonly kubectl: Kubectl;
  readonly agents: ReadonlyMap<string, ChildProcess>;
}

/** Resolves when all nodes are ready. */
export const startAgentProcesses = (
  nodes: readonly string[],
  serverArgs: readonly string[] = [],
): Promise<AgentProcesses> =>
  openScope(async (scope) => {
    const processes = scope.use(await createSymphonyProcesses('agents'));
    const port = await freePort();
    const dataDir = join(processes.directory, 'server');
    const listen = ['--data-dir', dataDir, '--listen', `127.0.0.1:${port}`];
    await processes.start(['control-plane', ...listen, ...serverArgs], 'KUBECONFIG=');
    const kubeconfig = join(dataDir, 'kubeconfig');
    const kubectl = createKubectl(kubeconfig, processes.directory);
    const agents = await processes.startAgents({ url: `https://127.0.0.1:${port}`, kubeconfig }, nodes);
    await kubectl('wait', '--for=condition=Ready', 'nodes', '--all', WAIT_TIMEOUT);
    return { kubectl, agents };
  });
