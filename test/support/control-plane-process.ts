/**
 * Real control plane processes, run from the sources: for what only whole processes show, such as
 * being stopped and going on.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { fromKubeconfig, type HttpApiClient } from '../../src/client/http.ts';
import { eventually, startProgram } from './kubectl.ts';

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export interface ControlPlaneProcess extends AsyncDisposable {
  readonly dataDir: string;
  readonly kubeconfig: string;
  readonly pid: number;
  signal(name: NodeJS.Signals): void;
  /** Waits until it serves; throws with its log when it ends instead. */
  untilReady(): Promise<void>;
  /** Waits until all that it does before it turns to the store is done. */
  untilAtTheStore(): Promise<void>;
  client(): Promise<HttpApiClient>;
  log(): string;
  readonly ended: Promise<{ readonly code: number; readonly stderr: string }>;
}

export interface ControlPlaneProcessOptions {
  /** Everything of the test; each process gets its own directory in it, all share `identity`. */
  readonly directory: string;
  readonly name: string;
  readonly redisUrl: string;
  readonly port: number;
  readonly identity?: string;
  readonly args?: readonly string[];
}

export function startControlPlaneProcess(options: ControlPlaneProcessOptions): ControlPlaneProcess {
  const { directory, name, redisUrl, port } = options;
  const dataDir = join(directory, name);
  const identity = join(directory, options.identity ?? 'identity');
  const places = ['--data-dir', dataDir, '--identity-dir', identity, '--redis-url', redisUrl];
  const program = startProgram(
    process.execPath,
    ['--import', 'tsx', MAIN, 'control-plane', ...places, '--listen', `127.0.0.1:${port}`].concat(
      options.args ?? [],
    ),
    { cwd: ROOT, env: { HOME: directory } },
  );
  const kubeconfig = join(dataDir, 'kubeconfig');
  let hasEnded = false;
  const ended = program.ended.finally(() => {
    hasEnded = true;
  });
  ended.catch(() => undefined);
  const output = { text: '' };
  program.child.stdout?.on('data', (text: string) => void (output.text += text));
  program.child.stderr?.on('data', (text: string) => void (output.text += text));
  async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
    await eventually(`control plane ${name}: ${what}`, async () => hasEnded || (await holds()));
    if (hasEnded) throw new Error(`Control plane ${name} ended: ${output.text}`);
  }

  return {
    dataDir,
    kubeconfig,
    pid: program.child.pid ?? 0,
    signal: (signal) => void program.child.kill(signal),
    untilReady: () => until('it is ready', async () => output.text.includes('KUBECONFIG=')),
    untilAtTheStore: () =>
      until('it has its serving certificate', async () => {
        const text = await readFile(join(dataDir, 'tls', 'apiserver.crt'), 'utf8').catch(() => '');
        return text !== '';
      }),
    client: () => fromKubeconfig(kubeconfig, { clock: systemClock, logger: silentLogger }),
    log: () => output.text,
    ended,
    async [Symbol.asyncDispose]() {
      program.child.kill('SIGCONT');
      await program[Symbol.asyncDispose]();
    },
  };
}
