/** Programs of the host that change its network, and one that tells of changes. */
import { createInterface } from 'node:readline';
import { readChild, startChild } from '../base/child-processes/child-process.ts';

/** Answers what the program wrote; rejects with its complaint. */
export type RunProgram = (program: string, args: readonly string[], input?: string) => Promise<string>;

/** A program that goes on. Resolves when it ends, which it does with the signal. */
export type FollowProgram = (
  program: string,
  args: readonly string[],
  onLine: (line: string) => void,
  signal: AbortSignal,
) => Promise<void>;

/** A table with 10,000 Services is written in two seconds. */
const TIMEOUT_MS = 60_000;
/** Debian keeps them in sbin, which is not on everybody's PATH. */
export const programPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const env = { PATH: programPath, LC_ALL: 'C' };

export const runProgram: RunProgram = (program, args, input = '') =>
  readChild('network', program, args, { timeoutMs: TIMEOUT_MS, env, input });

/** Runs a listing of iproute2 with `-json`. It prints nothing for an empty list. */
export async function runJson<T>(
  run: RunProgram,
  program: 'ip' | 'bridge',
  ...args: readonly string[]
): Promise<readonly T[]> {
  return JSON.parse((await run(program, ['-json', ...args])) || '[]') as readonly T[];
}

export const followProgram: FollowProgram = async (program, args, onLine, signal) => {
  const child = await startChild('network-monitor', program, args, { env, signal });
  const end = (): void => child.end();
  signal.addEventListener('abort', end, { once: true });
  try {
    const ended = new Promise((resolve) => {
      child.process.once('error', resolve);
      child.process.once('close', resolve);
    });
    child.process.stderr.resume();
    createInterface({ input: child.process.stdout }).on('line', onLine);
    if (signal.aborted) end();
    await ended;
  } finally {
    signal.removeEventListener('abort', end);
  }
};
