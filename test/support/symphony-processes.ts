/** `bin/symphony` in processes of their own, which may be stopped or killed. */
import type { ChildProcess } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openScope } from '../../src/base/scope.ts';
import { type ProgramResult, runProgram, startProgram } from './kubectl.ts';

const BIN = fileURLToPath(new URL('../../bin/symphony', import.meta.url));
/** Enough to tell why a process ended. */
const OUTPUT_TAIL = 10_000;

/** Its end kills all processes and removes their directory. */
export interface SymphonyProcesses extends AsyncDisposable {
  readonly directory: string;
  /** Resolves when the process has said `ready`. */
  start(args: readonly string[], ready: string): Promise<ChildProcess>;
  /** Runs a command to its end. */
  run(...args: readonly string[]): Promise<ProgramResult>;
  /** Starts hollow agents that join at this URL, by their names. */
  startAgents(
    server: { readonly url: string; readonly kubeconfig: string },
    names: readonly string[],
  ): Promise<ReadonlyMap<string, ChildProcess>>;
}

export const createSymphonyProcesses = (name: string): Promise<SymphonyProcesses> =>
  openScope(async (scope) => {
    const directory = await mkdtemp(join(tmpdir(), `symphony-${name}-`));
    scope.defer(() => rm(directory, { recursive: true, force: true }));
    const options = { cwd: directory, env: { HOME: directory } };

    function start(args: readonly string[], ready: string): Promise<ChildProcess> {
      const { child } = scope.use(startProgram(process.execPath, [BIN, ...args], options));
      let output = '';
      return new Promise((resolve, reject) => {
        const hear = (text: string): void => {
          output = `${output}${text}`.slice(-OUTPUT_TAIL);
          if (output.includes(ready)) resolve(child);
        };
        child.stdout?.on('data', hear);
        child.stderr?.on('data', hear);
        child.once('exit', () => reject(new Error(`symphony ${args[0] ?? ''} ended: ${output}`)));
      });
    }

    const run = (...args: readonly string[]): Promise<ProgramResult> =>
      runProgram(process.execPath, [BIN, ...args], options);

    async function startAgents(
      { url, kubeconfig }: { readonly url: string; readonly kubeconfig: string },
      names: readonly string[],
    ): Promise<ReadonlyMap<string, ChildProcess>> {
      const made = await run('token', 'create', '--kubeconfig', kubeconfig);
      if (made.code !== 0 || made.stderr !== '')
        throw new Error(`symphony token create failed: ${made.stderr}`);
      const tokenFile = join(directory, 'token');
      await writeFile(tokenFile, made.stdout);
      const agents = new Map<string, ChildProcess>();
      for (const node of names) {
        const place = ['--node-name', node, '--data-dir', join(directory, `agent-${node}`)];
        const args = ['--server', url, '--token-file', tokenFile, '--runtime', 'hollow', ...place];
        agents.set(node, await start(['agent', ...args], `Node ${node} is running pods`));
      }
      return agents;
    }

    return { directory, start, run, startAgents };
  });
