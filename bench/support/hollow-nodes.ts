/** Hollow nodes of a running control plane, in a process of their own (hollow-main.ts). */
import { type ChildProcess, fork } from 'node:child_process';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runProgram } from '../../test/support/kubectl.ts';
import { bundled } from './bundle.ts';
import type { BenchSymphony } from './symphony.ts';

export interface HollowNodes extends AsyncDisposable {
  readonly pid: number;
}

export interface HollowOptions {
  readonly nodes: number;
  /** How long a container runs that is meant to end. */
  readonly runForMs: number;
}

/** Resolves when the control plane knows all of them. */
export async function startHollowNodes(
  { dataDir, url, clusterCidr }: BenchSymphony,
  { nodes, runForMs }: HollowOptions,
): Promise<HollowNodes> {
  const directory = join(dataDir, '..', 'agents');
  const tokenFile = join(dataDir, '..', 'token');
  const made = await runProgram(process.execPath, ['bin/symphony', 'token', 'create', '--data-dir', dataDir]);
  await writeFile(tokenFile, made.stdout, { mode: 0o600 });
  const child = fork(
    await bundled(new URL('./hollow-main.ts', import.meta.url)),
    [url, tokenFile, directory, String(nodes), String(runForMs), clusterCidr],
    { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] },
  );
  await new Promise<void>((resolve, reject) => {
    child.once('message', () => resolve());
    child.once('exit', (code) => reject(new Error(`The hollow nodes ended with ${code}`)));
  });
  return {
    pid: child.pid ?? 0,
    async [Symbol.asyncDispose]() {
      await stop(child);
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function stop(child: ChildProcess): Promise<void> {
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.disconnect();
  await exited;
}
