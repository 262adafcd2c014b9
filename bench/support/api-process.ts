/**
 * The API server of a benchmark in a process of its own, wired as in production (Redis, roles,
 * tokens, limits, audit log, metrics), and beside it a bare server for comparison: the least that
 * Node can do to send the same bytes over the same TLS.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { bundled } from './bundle.ts';

export interface ApiProcess extends AsyncDisposable {
  readonly port: number;
  readonly bareHttpPort: number;
  readonly bareTlsPort: number;
  readonly caPem: string;
  readonly token: string;
  /**
   * Makes pods `prefix-0` … in namespace `default`, spread over `nodes` nodes, in the store itself.
   */
  populate(prefix: string, count: number, nodes: number): Promise<void>;
  /**
   * Writes `count` pods one after the other, round by round, and resolves when the store has taken
   * them.
   */
  touch(prefix: string, count: number, perCommit: number): Promise<void>;
  /** The answer of the bare HTTP server from now on. */
  bareAnswer(headers: Record<string, string>, body: string): Promise<void>;
  /** The bare TLS server writes each line to every socket; one after the other. */
  bareLines(lines: readonly string[]): Promise<void>;
  /**
   * CPU seconds used so far, resident memory, and the longest that the event loop stood still since
   * the last call.
   */
  usage(): Promise<{ readonly cpuSeconds: number; readonly residentMib: number; readonly stallMs: number }>;
}

export type ApiCommand =
  | { readonly type: 'populate'; readonly prefix: string; readonly count: number; readonly nodes: number }
  | { readonly type: 'touch'; readonly prefix: string; readonly count: number; readonly perCommit: number }
  | { readonly type: 'bareAnswer'; readonly headers: Record<string, string>; readonly body: string }
  | { readonly type: 'bareLines'; readonly lines: readonly string[] }
  | { readonly type: 'usage' }
  | { readonly type: 'stop' };

export interface ApiReady {
  readonly port: number;
  readonly bareHttpPort: number;
  readonly bareTlsPort: number;
  readonly caPem: string;
  readonly token: string;
}

export type ApiReply =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: string };

/** `bare`: only the servers for comparison, on the other's certificate. */
export async function startApiProcess(role: 'api' | 'bare', directory: string): Promise<ApiProcess> {
  const main = await bundled(new URL('./api-main.ts', import.meta.url));
  const profile =
    process.argv.includes('--profile') && role === 'api'
      ? ['--cpu-prof', '--cpu-prof-dir=/tmp/api-prof']
      : [];
  const child = fork(main, [role, directory], {
    execArgv: profile,
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const waiting = new Map<number, (reply: ApiReply) => void>();
  let next = 1;
  const ready = await new Promise<ApiReady>((resolve, reject) => {
    child.once('message', (message) => resolve(message as ApiReady));
    child.once('exit', (code) => reject(new Error(`The server of the benchmark ended with ${code}`)));
  });
  child.on('message', (reply: ApiReply) => waiting.get(reply.id)?.(reply));
  const ask = (command: ApiCommand): Promise<unknown> => {
    const id = next++;
    return new Promise((resolve, reject) => {
      waiting.set(id, (reply) => {
        waiting.delete(id);
        if ('error' in reply) reject(new Error(reply.error));
        else resolve(reply.result);
      });
      child.send({ id, ...command });
    });
  };
  return {
    ...ready,
    populate: (prefix, count, nodes) => ask({ type: 'populate', prefix, count, nodes }) as Promise<void>,
    touch: (prefix, count, perCommit) => ask({ type: 'touch', prefix, count, perCommit }) as Promise<void>,
    bareAnswer: (headers, body) => ask({ type: 'bareAnswer', headers, body }) as Promise<void>,
    bareLines: (lines) => ask({ type: 'bareLines', lines }) as Promise<void>,
    usage: async () => (await ask({ type: 'usage' })) as Awaited<ReturnType<ApiProcess['usage']>>,
    [Symbol.asyncDispose]: () => stop(child, ask),
  };
}

async function stop(child: ChildProcess, ask: (command: ApiCommand) => Promise<unknown>): Promise<void> {
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  await ask({ type: 'stop' }).catch(() => undefined);
  child.disconnect();
  await exited;
}
