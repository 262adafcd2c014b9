/** A Docker host of the test bed: a machine with an engine, a disk and an agent of its own. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import Docker from 'dockerode';
import { createScope } from '../../../src/base/scope.ts';
import { ensureTestImages } from '../docker.ts';
import { eventually, type RunningProgram } from '../kubectl.ts';
import { type Place, startPlace } from './place.ts';
import type { Port, Switch } from './switch.ts';

export interface HostOptions {
  readonly number: number;
  /** A directory of the host's own on this machine. */
  readonly directory: string;
  readonly network: Switch;
  /** Containers outlive their engine (dockerd's `--live-restore`). */
  readonly liveRestore?: boolean;
}

export interface Host extends AsyncDisposable {
  readonly name: string;
  readonly address: string;
  readonly docker: Docker;
  readonly dockerHost: string;
  /** Lost with `powerOff`, except for what is on the disk. */
  readonly place: Place;
  readonly port: Port;
  /** On the host's own disk, which outlives a power failure. */
  readonly disk: string;
  powerOff(): Promise<void>;
  powerOn(): Promise<void>;
  /** The engine ends and starts again: by SIGTERM, or without a warning. */
  restartEngine(signal?: 'TERM' | 'KILL'): Promise<void>;
  /** The engine hangs, and what it runs goes on. */
  pauseEngine(): Promise<void>;
  resumeEngine(): Promise<void>;
  /** All containers stand still. */
  freeze(): Promise<void>;
  thaw(): Promise<void>;
  fillDisk(): Promise<void>;
  emptyDisk(): Promise<void>;
}

/** Bounds what a test can use of this machine's memory. */
const DISK_BYTES = 2 * 1024 ** 3;

export async function startHost(options: HostOptions): Promise<Host> {
  const { number, directory, network } = options;
  const name = `h${number}`;
  const address = network.addressOf(number);
  const disk = join(directory, name);
  const socket = join(directory, `${name}.sock`);
  const docker = new Docker({ socketPath: socket });
  const filler = join(disk, 'filler');
  let power = createScope();
  let place: Place;
  let port: Port;
  let engine: RunningProgram;

  async function powerOn(): Promise<void> {
    power = createScope();
    place = power.use(await startPlace({ name, mountsOf: drive }));
    port = { place, number };
    const plugged = port;
    power.defer(() => network.unplug(plugged));
    await network.plug(port);
    await startEngine();
  }

  async function startEngine(): Promise<void> {
    const flags = [
      ...['--data-root', join(disk, 'docker'), '--exec-root', '/run/docker', '--pidfile', '/run/docker.pid'],
      ...['--host', `unix://${socket}`, '--cgroup-parent', cgroupOf(directory, name)],
      ...['--storage-driver', 'overlay2', '--bip', `172.17.0.1/16`],
      ...(options.liveRestore === true ? ['--live-restore'] : []),
    ];
    // It ends with the place.
    engine = place.start('dockerd', ...flags);
    await eventually(`the engine of ${name} answers`, async () => {
      if (engine.child.exitCode !== null) throw new Error((await engine.ended).stderr.slice(-2_000));
      return (await docker.ping()) !== undefined;
    });
    await ensureTestImages(docker);
  }

  async function signalEngine(signal: string): Promise<void> {
    await place.script(`kill -${signal} $(cat /run/docker.pid)`);
  }

  async function freezer(state: 'FROZEN' | 'THAWED'): Promise<void> {
    await place.script(`echo ${state} > /sys/fs/cgroup/freezer${cgroupOf(directory, name)}/freezer.state`);
  }

  await mkdir(disk, { recursive: true });
  const mount = `mount -t tmpfs -o size=${DISK_BYTES} tmpfs ${disk}`;
  const drive = await startPlace({ name: `${name}-disk`, setup: mount });
  await powerOn();
  return {
    name,
    address,
    docker,
    dockerHost: `unix://${socket}`,
    disk,
    get place() {
      return place;
    },
    get port() {
      return port;
    },
    async powerOff() {
      await power[Symbol.asyncDispose]();
    },
    powerOn,
    async restartEngine(signal = 'TERM') {
      await signalEngine(signal);
      await engine.ended;
      await startEngine();
    },
    pauseEngine: () => signalEngine('STOP'),
    resumeEngine: () => signalEngine('CONT'),
    freeze: () => freezer('FROZEN'),
    thaw: () => freezer('THAWED'),
    async fillDisk() {
      await place.run('dd', 'if=/dev/zero', `of=${filler}`, 'bs=1M');
    },
    async emptyDisk() {
      await place.must('rm', '-f', filler);
    },
    async [Symbol.asyncDispose]() {
      await power[Symbol.asyncDispose]();
      await drive[Symbol.asyncDispose]();
    },
  };
}

const cgroupOf = (directory: string, name: string): string => `/${directory.split('/').at(-1) ?? ''}/${name}`;
