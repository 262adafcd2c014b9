/**
 * The only place that starts processes (linted). A child leads its own process group, which ends as
 * a whole: with its leader, on a time-out, on abort, at our exit, and with util-linux when we are
 * killed. At most a fixed number of children of a purpose live; the others wait.
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { type Slots, createSlots } from '../slots.ts';
import { type ProcessLimits, confinement } from './confinement.ts';
import { childMark } from './process-identity.ts';

export type ChildPurpose =
  | 'git'
  | 'git-reader'
  | 'mount'
  | 'network'
  | 'network-monitor'
  | 'network-mount'
  | 'quota'
  | 'redis'
  | 'relay'
  | 'render';

/** How many of each may live at one time. */
const MOST: Readonly<Record<ChildPurpose, number>> = {
  // Each may take its limit of memory several times over. Hosts have room for few that do.
  git: 16,
  // Two for each repository that is read now; those at rest end by themselves.
  'git-reader': 256,
  mount: 16,
  // Each takes milliseconds.
  network: 4,
  // One for the network of each host that this process serves.
  'network-monitor': 16,
  // Those of a server that does not answer must not take the places of other mounts.
  'network-mount': 16,
  // Each takes milliseconds.
  quota: 4,
  // One control plane has one. Tests start several.
  redis: 16,
  // One for each forwarded connection to a container's own loopback.
  relay: 256,
  // Each takes a processor and its limit of memory.
  render: 4,
};

const slots = new Map<ChildPurpose, Slots>(
  (Object.entries(MOST) as [ChildPurpose, number][]).map(([purpose, most]) => [purpose, createSlots(most)]),
);
const slotsOf = (purpose: ChildPurpose): Slots => slots.get(purpose)!;
const started = new Map<ChildPurpose, number>();

export interface ChildCount {
  readonly purpose: ChildPurpose;
  readonly living: number;
  /** Since this process began. */
  readonly started: number;
}

export function countChildren(): readonly ChildCount[] {
  return [...slots].map(([purpose, { taken }]) => ({
    purpose,
    living: taken,
    started: started.get(purpose) ?? 0,
  }));
}

export interface ChildOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly limits?: ProcessLimits;
  /** The signal when this process dies; `KILL` unless the child has something to save. */
  readonly deathSignal?: 'KILL' | 'TERM';
  /** An open file that the child has as its number 3. */
  readonly descriptor?: number;
  /** Ends the wait for a place; the child itself is ended by {@link Child.end}. */
  readonly signal?: AbortSignal;
}

export interface Child {
  readonly process: ChildProcessWithoutNullStreams;
  /** Signals the whole group; does nothing once the group is gone. */
  end(signal?: 'SIGTERM' | 'SIGKILL'): void;
}

const groups = new Set<number>();

function signalGroup(leader: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-leader, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function endAll(): void {
  for (const leader of groups) signalGroup(leader, 'SIGKILL');
}

/** Waits for a place. A missing program shows as the event `error` or as exit code 127. */
export async function startChild(
  purpose: ChildPurpose,
  program: string,
  args: readonly string[],
  options: ChildOptions = {},
): Promise<Child> {
  const leave = await takePlace(purpose, options.signal);
  const [first = program, ...rest] = [
    ...confinement(options.limits ?? {}, options.deathSignal ?? 'KILL'),
    program,
    ...args,
  ];
  let child: ChildProcessWithoutNullStreams;
  try {
    child = spawn(first, rest, {
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      env: { ...(options.env ?? process.env), ...childMark(purpose) },
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe', ...(options.descriptor === undefined ? [] : [options.descriptor])],
    }) as ChildProcessWithoutNullStreams;
  } catch (error) {
    leave();
    throw error;
  }
  const { pid } = child;
  const gone = (): void => {
    // The rest of the group ends with its leader.
    if (pid !== undefined && groups.delete(pid)) signalGroup(pid, 'SIGKILL');
    leave();
  };
  if (pid !== undefined) {
    if (groups.size === 0) process.once('exit', endAll);
    groups.add(pid);
  }
  child.once('exit', () => {
    gone();
    if (groups.size === 0) process.removeListener('exit', endAll);
  });
  child.once('error', () => pid === undefined && gone());
  // A child that ends before it has read everything closes the pipe.
  child.stdin.on('error', () => undefined);
  return {
    process: child,
    end: (signal = 'SIGKILL') => {
      if (pid !== undefined && groups.has(pid)) signalGroup(pid, signal);
    },
  };
}

interface RunOptions extends Pick<ChildOptions, 'cwd' | 'descriptor' | 'env' | 'limits'> {
  readonly timeoutMs: number;
  /** The text of its standard input. */
  readonly input?: string;
  /** A program that writes more fails. Without it, the beginning of what it wrote is the answer. */
  readonly maxAnswerBytes?: number;
}

/** A program ended with an error, took too long, or wrote too much. */
export class ChildFailure extends Error {
  /** Without the name of the program. */
  readonly reason: string;
  /** It ended by itself, and so would say the same again. */
  readonly isVerdict: boolean;

  constructor(program: string, reason: string, isVerdict: boolean) {
    super(`Cannot run ${program}: ${reason}`);
    this.reason = reason;
    this.isVerdict = isVerdict;
  }
}

/**
 * Starts a process that outlives this one: nothing of the above holds for it, and its end is the
 * caller's business. Its words are added to the file `output`. Answers undefined where it cannot start.
 */
export function startDetached(
  purpose: string,
  program: string,
  args: readonly string[],
  output: string,
): number | undefined {
  const file = openSync(output, 'a', 0o600);
  try {
    const child = spawn(program, args, {
      cwd: '/',
      env: { PATH: process.env['PATH'], ...childMark(purpose) },
      detached: true,
      stdio: ['ignore', file, file],
    });
    // A program that is missing shows as a missing process.
    child.once('error', () => undefined);
    child.unref();
    return child.pid;
  } finally {
    closeSync(file);
  }
}

/** Runs a program to its end. Rejects with its last words when it fails or takes too long. */
export async function runChild(...run: Parameters<typeof readChild>): Promise<void> {
  await readChild(...run);
}

/** As {@link runChild}; answers the beginning of what it wrote. */
export async function readChild(
  purpose: ChildPurpose,
  program: string,
  args: readonly string[],
  { timeoutMs, input, maxAnswerBytes, ...options }: RunOptions,
): Promise<string> {
  const { process: child, end } = await startChild(purpose, program, args, options);
  child.stdin.end(input);
  const answer: Buffer[] = [];
  let size = 0;
  child.stdout.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size <= (maxAnswerBytes ?? MAX_ANSWER_BYTES)) answer.push(chunk);
    else if (maxAnswerBytes !== undefined) end();
  });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString('utf8')).slice(-MAX_COMPLAINT_CHARS);
  });
  let late = false;
  let giveUp = (): void => undefined;
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
    giveUp = () => resolve(null);
  });
  let timer = setTimeout(() => {
    late = true;
    end();
    // The kernel may hold a child that waits for a device or a server. Nobody waits for it.
    timer = setTimeout(giveUp, KILL_PATIENCE_MS);
  }, timeoutMs);
  try {
    const code = await ended;
    const tooMuch = maxAnswerBytes !== undefined && size > maxAnswerBytes;
    if (code === 0 && !tooMuch) return Buffer.concat(answer).toString('utf8');
    if (tooMuch) throw new ChildFailure(program, `it wrote more than ${maxAnswerBytes} bytes`, true);
    const why = late ? `it took longer than ${timeoutMs / 1000} s` : said.trim() || `it ended with ${code}`;
    throw new ChildFailure(program, why, !late && code !== null);
  } finally {
    clearTimeout(timer);
  }
}

/** A killed child ends at once, unless the kernel holds it. */
const KILL_PATIENCE_MS = 5_000;
/** The end of what a failed program said; enough for its last lines. */
const MAX_COMPLAINT_CHARS = 4_000;
/** A quota on each of some hundred file systems; a firewall of ten thousand rules. */
const MAX_ANSWER_BYTES = 2_000_000;

/**
 * Gives a library that starts a process itself a place while `task` runs. The library must use the
 * launcher of group-launcher.ts, which keeps the other invariants.
 */
export async function withPlace<T>(
  purpose: ChildPurpose,
  signal: AbortSignal | undefined,
  task: () => Promise<T>,
): Promise<T> {
  const leave = await takePlace(purpose, signal);
  try {
    return await task();
  } finally {
    leave();
  }
}

async function takePlace(purpose: ChildPurpose, signal: AbortSignal | undefined): Promise<() => void> {
  const leave = await slotsOf(purpose).enter(signal);
  started.set(purpose, (started.get(purpose) ?? 0) + 1);
  return leave;
}
