/**
 * Limits of memory and file size for a child process, and a signal when its owner dies. util-linux
 * does both before it becomes the program. A tool that is missing or refused is left out: Git's own
 * limits, time-outs and the sweep at start remain.
 */
import { spawnSync } from 'node:child_process';

export interface ProcessLimits {
  /** Private memory of each process, in bytes (RLIMIT_DATA, without mapped files). */
  readonly memoryBytes?: number;
  /** The largest file that a process may write, in bytes (RLIMIT_FSIZE). */
  readonly fileBytes?: number;
  /** `none`: the child has a network of its own that leads nowhere, where the kernel allows it. */
  readonly network?: 'none';
}

const probed = new Map<string, boolean>();
/** A tool that only starts `true` takes milliseconds. */
const PROBE_TIMEOUT_MS = 5_000;

/**
 * Whether the tool takes these options here; busybox has tools of the same names with fewer
 * options.
 */
function works(command: readonly string[]): boolean {
  const key = command.join(' ');
  const known = probed.get(key);
  if (known !== undefined) return known;
  const [program = '', ...options] = command;
  const works = spawnSync(program, [...options, 'true'], { timeout: PROBE_TIMEOUT_MS }).status === 0;
  probed.set(key, works);
  return works;
}

/** As root, or as another user where namespaces of users are allowed. */
const NO_NETWORK = [
  ['unshare', '--net'],
  ['unshare', '--user', '--map-current-user', '--net'],
] as const;

/** The words before a command that confine it. Each replaces itself: the pid stays. */
export function confinement(limits: ProcessLimits, deathSignal: 'KILL' | 'TERM'): readonly string[] {
  const limit = (name: string, bytes: number | undefined): string[] =>
    bytes === undefined ? [] : [`--${name}=${bytes}`];
  const resources = [
    'prlimit',
    '--core=0',
    ...limit('data', limits.memoryBytes),
    ...limit('fsize', limits.fileBytes),
  ];
  const alone = limits.network === 'none' ? NO_NETWORK.find(works) : undefined;
  return [...[['setpriv', '--pdeathsig', deathSignal], resources].filter(works).flat(), ...(alone ?? [])];
}

/** Makes a process the leader of a group of its own, where the program exists. */
export function sessionLeader(): readonly string[] {
  return works(['setsid']) ? ['setsid'] : [];
}
