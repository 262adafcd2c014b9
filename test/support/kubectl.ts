/**
 * Programs under test, run as a user runs them: kubectl with a kubeconfig, and the symphony
 * command. Also waiting: on a condition, with a bound, never for a time.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { tmpdir } from 'node:os';

export interface ProgramResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A program that is still running, such as `kubectl get -w`. */
export interface RunningProgram extends AsyncDisposable {
  readonly child: ChildProcess;
  readonly stdout: () => string;
  readonly ended: Promise<ProgramResult>;
}

/** A program that runs longer than this is ended. The machine may be busy. */
export const PROGRAM_TIMEOUT_MS = 300_000;
/** How long kubectl waits for what a test expects: it says what it waited for before it is ended. */
export const WAIT_TIMEOUT = '--timeout=240s';
const POLL_MS = 150;
/** Generous, because the machine may be shared; a condition that holds is seen at once. */
export const CONDITION_TIMEOUT_MS = 120_000;

export function startProgram(
  command: string,
  args: readonly string[],
  options: { readonly input?: string; readonly cwd?: string; readonly env?: NodeJS.ProcessEnv } = {},
): RunningProgram {
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: { PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`, HOME: tmpdir(), ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => void (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => void (stderr += text));
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.input ?? '');
  const ended = new Promise<ProgramResult>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) =>
      resolve({ code: code ?? 128 + (signal === 'SIGKILL' ? 9 : 15), stdout, stderr }),
    );
  });
  ended.catch(() => undefined);
  return {
    child,
    stdout: () => stdout,
    ended,
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
      await ended.catch(() => undefined);
    },
  };
}

export async function runProgram(
  command: string,
  args: readonly string[],
  options: { readonly input?: string; readonly cwd?: string; readonly env?: NodeJS.ProcessEnv } = {},
): Promise<ProgramResult> {
  const running = startProgram(command, args, options);
  const timeout = setTimeout(() => running.child.kill('SIGKILL'), PROGRAM_TIMEOUT_MS);
  try {
    return await running.ended;
  } finally {
    clearTimeout(timeout);
  }
}

export interface Kubectl {
  /** Returns its output. Throws with its complaint when it fails. */
  (...args: readonly string[]): Promise<string>;
  /** Whatever comes of it. */
  try(...args: readonly string[]): Promise<ProgramResult>;
  /** With `-f -` among the arguments. */
  withInput(input: string, ...args: readonly string[]): Promise<string>;
  start(...args: readonly string[]): RunningProgram;
  /** `-o json`, parsed. */
  json<T = KubeJson>(...args: readonly string[]): Promise<T>;
}

/** As much of any object as the tests read. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type KubeJson = Record<string, any>;

/** `program`: its path, or the words that run it somewhere else. */
export function createKubectl(
  kubeconfig: string,
  directory: string,
  program: string | readonly string[] = 'kubectl',
): Kubectl {
  const env = { KUBECONFIG: kubeconfig, HOME: directory };
  const [command = '', ...words] = typeof program === 'string' ? [program] : program;
  const run = (args: readonly string[], input?: string): Promise<ProgramResult> =>
    runProgram(command, [...words, ...args], { env, ...(input === undefined ? {} : { input }) });
  const succeed = async (args: readonly string[], input?: string): Promise<string> => {
    const result = await run(args, input);
    if (result.code === 0) return result.stdout;
    throw new Error(`Cannot run kubectl ${args.join(' ')}: ${result.stderr || result.stdout}`);
  };
  return Object.assign((...args: readonly string[]) => succeed(args), {
    try: (...args: readonly string[]) => run(args),
    withInput: (input: string, ...args: readonly string[]) => succeed(args, input),
    start: (...args: readonly string[]) => startProgram(command, [...words, ...args], { env }),
    json: async <T>(...args: readonly string[]) => JSON.parse(await succeed([...args, '-o', 'json'])) as T,
  });
}

/**
 * Asks again until the answer is neither undefined nor false; the last error or answer is told at
 * the end.
 */
export async function eventually<T>(
  what: string,
  ask: () => Promise<T | undefined | false>,
  timeoutMs = CONDITION_TIMEOUT_MS,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    let failure: unknown;
    try {
      const answer = await ask();
      if (answer !== undefined && answer !== false) return answer;
    } catch (error) {
      failure = error;
    }
    if (Date.now() > deadline) {
      throw new Error(`Not within ${timeoutMs} ms: ${what}`, failure === undefined ? {} : { cause: failure });
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
