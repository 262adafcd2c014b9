/** The Engine and its machine, as the node reports them. Host files are those of a local Engine. */
import { readFile, statfs } from 'node:fs/promises';
import type { DockerVersion } from 'dockerode';
import type { Clock } from '../../../base/clock.ts';
import type { ContainerRuntime, RuntimeInfo } from '../types.ts';
import type { Engine } from './engine.ts';

interface EngineInfo {
  readonly ID: string;
  readonly Name: string;
  readonly NCPU: number;
  readonly MemTotal: number;
  readonly OSType: string;
  readonly OperatingSystem: string;
  readonly Architecture: string;
  readonly KernelVersion: string;
  readonly DockerRootDir: string;
  readonly Runtimes?: Readonly<Record<string, unknown>> | null;
}

/** The client takes options here, too; its types do not know. */
interface Daemon {
  info(options: { abortSignal: AbortSignal }): Promise<EngineInfo>;
  version(options: { abortSignal: AbortSignal }): Promise<DockerVersion>;
  ping(options: { abortSignal: AbortSignal }): Promise<unknown>;
}

/** The Engine's description is costly and hardly changes. In between, the Engine is only pinged. */
const ASK_EVERY_MS = 60_000;

/** The Engine's names of architectures → those of Kubernetes and of image platforms. */
const ARCHITECTURES: Readonly<Record<string, string>> = {
  x86_64: 'amd64',
  aarch64: 'arm64',
  armv7l: 'arm',
  i686: '386',
};

const textOf = (path: string): Promise<string> =>
  readFile(path, 'utf8').then(
    (text) => text.trim(),
    () => '',
  );
const diskBytesOf = (path: string): Promise<number> =>
  statfs(path).then(
    ({ blocks, bsize }) => blocks * bsize,
    () => 0,
  );

export function createInfo(
  { docker, call, local }: Engine,
  clock: Pick<Clock, 'now'>,
): Pick<ContainerRuntime, 'info'> {
  const daemon = docker as unknown as Daemon;
  const ask = <T>(run: (options: { abortSignal: AbortSignal }) => Promise<T>): Promise<T> =>
    call('ask the engine', run);
  let told: { readonly info: RuntimeInfo; readonly atMs: number } | undefined;

  async function askAll(): Promise<RuntimeInfo> {
    const [info, version] = await Promise.all([
      ask((options) => daemon.info(options)),
      ask((options) => daemon.version(options)),
    ]);
    const [bootId, machineId, diskBytes] = local
      ? await Promise.all([
          textOf('/proc/sys/kernel/random/boot_id'),
          textOf('/etc/machine-id'),
          diskBytesOf(info.DockerRootDir),
        ])
      : ['', '', 0];
    return {
      name: 'docker',
      version: version.Version,
      apiVersion: version.ApiVersion,
      hostname: info.Name,
      bootId: bootId || info.ID,
      machineId: machineId || info.ID,
      osImage: info.OperatingSystem,
      operatingSystem: info.OSType,
      architecture: ARCHITECTURES[info.Architecture] ?? info.Architecture,
      kernelVersion: info.KernelVersion,
      cpus: info.NCPU,
      memoryBytes: info.MemTotal,
      diskBytes,
      runtimeHandlers: Object.keys(info.Runtimes ?? {}),
    };
  }

  return {
    async info() {
      const known = told;
      // After a silence another Engine may answer.
      told = undefined;
      if (known && clock.now() - known.atMs < ASK_EVERY_MS) {
        await ask((options) => daemon.ping(options));
        told = known;
        return known.info;
      }
      const info = await askAll();
      told = { info, atMs: clock.now() };
      return info;
    },
  };
}
