/** What the node reports about its Engine and machine. Host files are read only where the Engine is on this machine. */
import { readFile, statfs } from 'node:fs/promises';
import type { DockerVersion } from 'dockerode';
import type { ContainerRuntime } from '../types.ts';
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
}

/** The Engine says `x86_64`; Kubernetes' labels and image platforms say `amd64`. */
const ARCHITECTURES: Readonly<Record<string, string>> = {
  x86_64: 'amd64',
  aarch64: 'arm64',
  armv7l: 'arm',
  i686: '386',
};

const firstLine = async (path: string): Promise<string | undefined> => {
  try {
    return (await readFile(path, 'utf8')).trim() || undefined;
  } catch {
    return undefined;
  }
};

const diskBytesOf = async (path: string): Promise<number> => {
  try {
    const stats = await statfs(path);
    return stats.blocks * stats.bsize;
  } catch {
    return 0;
  }
};

export function createInfo(engine: Engine): Pick<ContainerRuntime, 'info'> {
  const { call, local } = engine;
  const daemon = engine.docker as unknown as Daemon;
  return {
    async info() {
      const [info, version] = await Promise.all([
        call('ask the engine', ({ abortSignal }) => daemon.info({ abortSignal })),
        call('ask the engine', ({ abortSignal }) => daemon.version({ abortSignal })),
      ]);
      const [bootId, machineId, diskBytes] = local
        ? await Promise.all([
            firstLine('/proc/sys/kernel/random/boot_id'),
            firstLine('/etc/machine-id'),
            diskBytesOf(info.DockerRootDir),
          ])
        : [undefined, undefined, 0];
      return {
        name: 'docker',
        version: version.Version,
        apiVersion: version.ApiVersion,
        hostname: info.Name,
        bootId: bootId ?? info.ID,
        machineId: machineId ?? info.ID,
        osImage: info.OperatingSystem,
        operatingSystem: info.OSType,
        architecture: ARCHITECTURES[info.Architecture] ?? info.Architecture,
        kernelVersion: info.KernelVersion,
        cpus: info.NCPU,
        memoryBytes: info.MemTotal,
        diskBytes,
        runtimeHandlers: Object.keys(info.Runtimes ?? {}),
      };
    },
  };
}
