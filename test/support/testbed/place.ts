/**
 * A machine of the test bed: namespaces of the kernel for network, host name, mounts, processes and
 * IPC. What runs in it sees nothing of this machine's network, and nothing of it reaches this
 * machine. It ends with the process that made it, however that ends.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { eventually, type ProgramResult, runProgram, startProgram, type RunningProgram } from '../kubectl.ts';

export interface PlaceOptions {
  readonly name: string;
  /** Shell commands that make the place what it is, before anything runs in it. */
  readonly setup?: string;
  /** The place begins with the mounts of this one, such as a disk. */
  readonly mountsOf?: Place;
}

export interface Place extends AsyncDisposable {
  readonly name: string;
  /** Runs the words that follow in this place. */
  readonly within: readonly string[];
  /** The first process of the place, as this machine numbers it. All others end with it. */
  readonly init: number;
  run(...command: readonly string[]): Promise<ProgramResult>;
  /** Throws with its complaint when it fails. */
  must(...command: readonly string[]): Promise<string>;
  /** A shell script; it ends at the first command that fails. */
  script(text: string): Promise<string>;
  start(...command: readonly string[]): RunningProgram;
  /** As a power failure: every process in it is gone at once. */
  kill(): Promise<void>;
}

const NAMESPACES = ['--net', '--uts', '--mount', '--pid', '--ipc'];
/** Daemons are in sbin on Debian, which is not on everybody's PATH. */
export const PROGRAM_PATH = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`;

export async function startPlace({ name, setup = '', mountsOf }: PlaceOptions): Promise<Place> {
  // The last command holds the place until its input ends, which it does with this process.
  const script = `
    hostname ${name}
    ip link set lo up
    sysctl --quiet --write net.ipv4.ip_forward=1
    mount -t tmpfs tmpfs /run
    mkdir -p /run/lock
    if [ -d /etc/docker ]; then mount -t tmpfs tmpfs /etc/docker; fi
    echo 'nameserver 127.0.0.1' > /run/resolv.conf
    mount --bind /run/resolv.conf /etc/resolv.conf
    ${setup}
    echo ready
    exec docker-init -- cat`;
  const flags = [...NAMESPACES, '--fork', '--kill-child', '--mount-proc', '--propagation', 'private'];
  const outer = mountsOf ? ['nsenter', '--target', String(mountsOf.init), '--mount', '--wd=/'] : [];
  const child = spawn('env', [...outer, 'unshare', ...flags, 'sh', '-e', '-c', script], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { PATH: PROGRAM_PATH },
  });
  await saysReady(child, name);
  const init = await firstChild(child);
  const within = ['nsenter', '--target', String(init), ...NAMESPACES];
  const [enter, ...words] = within as [string, ...string[]];
  const env = { PATH: PROGRAM_PATH };
  const must = (...command: readonly string[]): Promise<string> => runOrThrow([...within, ...command]);

  async function kill(): Promise<void> {
    const ended = new Promise((resolve) => child.once('close', resolve));
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await ended;
  }

  return {
    name,
    within,
    init,
    run: (...command) => runProgram(enter, [...words, ...command], { env }),
    must,
    script: (text) => must('sh', '-e', '-c', text),
    start: (...command) => startProgram(enter, [...words, ...command], { env }),
    kill,
    [Symbol.asyncDispose]: kill,
  };
}

export async function runOrThrow([command = '', ...args]: readonly string[]): Promise<string> {
  const result = await runProgram(command, args, { env: { PATH: PROGRAM_PATH } });
  if (result.code === 0) return result.stdout;
  throw new Error(`Cannot run ${[command, ...args].join(' ')}: ${result.stderr || result.stdout}`);
}

async function saysReady(child: ChildProcess, name: string): Promise<void> {
  let output = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => void (output += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => void (output += text));
  await eventually(`${name} is there`, async () => output.includes('ready') || child.exitCode !== null);
  if (child.exitCode !== null) throw new Error(`Cannot make ${name} in namespaces: ${output}`);
}

/** The process that `unshare` and `nsenter` run, as this machine numbers it. */
export async function firstChild({ pid = 0 }: ChildProcess): Promise<number> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
  const init = Number(children.trim().split(' ')[0]);
  if (!(init > 1)) throw new Error('It has no process');
  return init;
}
