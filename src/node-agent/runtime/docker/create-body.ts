/**
 * A container → the body of `POST /containers/create`. Pure. Deny by default: it sets only what the
 * specification names, and leaves no restart policy, init process or health check to the Engine.
 */
import type { ContainerCreateOptions, HostConfig, MountSettings, PortMap } from 'dockerode';
import type { Mount } from '../types.ts';
import type { NamespaceMode, NetworkMode, PlacedContainer } from './placed-container.ts';

/** Kubelet's containerLogMaxSize and containerLogMaxFiles. */
const LOG_CONFIG = { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '5' } };

export function toCreateBody(spec: PlacedContainer, negativeOomScores = true): ContainerCreateOptions {
  const ports = portsOf(spec);
  return {
    Image: spec.image,
    Labels: { ...spec.labels },
    Env: spec.env.map(({ name, value }) => `${name}=${value}`),
    ...(spec.command ? { Entrypoint: [...spec.command] } : {}),
    // The image's arguments are not for another entry point.
    ...(spec.args ? { Cmd: [...spec.args] } : spec.command ? { Cmd: [] } : {}),
    ...(spec.workingDir ? { WorkingDir: spec.workingDir } : {}),
    ...(spec.hostname ? { Hostname: spec.hostname } : {}),
    ...(spec.user ? { User: spec.user } : {}),
    ...(spec.stopSignal ? { StopSignal: spec.stopSignal } : {}),
    Tty: spec.tty,
    OpenStdin: spec.stdin,
    StdinOnce: spec.stdinOnce,
    // The agent probes. An image's own health check would cost an exec every 30 s.
    Healthcheck: { Test: ['NONE'] },
    ...(ports.exposed ? { ExposedPorts: ports.exposed } : {}),
    HostConfig: hostConfigOf(spec, ports.bindings, negativeOomScores),
    ...(spec.network.type === 'pod'
      ? {
          NetworkingConfig: {
            EndpointsConfig: { [spec.network.network]: { IPAMConfig: { IPv4Address: spec.network.ip } } },
          },
        }
      : {}),
  };
}

function hostConfigOf(
  spec: PlacedContainer,
  bindings: PortMap | undefined,
  negativeOomScores: boolean,
): HostConfig {
  const oom =
    spec.oomScoreAdj !== undefined && (spec.oomScoreAdj >= 0 || negativeOomScores)
      ? { OomScoreAdj: spec.oomScoreAdj }
      : {};
  const security = securityOptions(spec);
  return {
    NetworkMode: networkMode(spec.network),
    IpcMode: namespaceMode(spec.ipc),
    PidMode: pidMode(spec.pid),
    RestartPolicy: { Name: 'no' },
    Init: false,
    AutoRemove: false,
    LogConfig: LOG_CONFIG,
    Privileged: spec.privileged,
    ReadonlyRootfs: spec.readOnlyRootFilesystem,
    CapAdd: [...spec.capabilities.add],
    CapDrop: [...spec.capabilities.drop],
    GroupAdd: spec.supplementalGroups.map(String),
    ...(security.length > 0 ? { SecurityOpt: security } : {}),
    ...(Object.keys(spec.sysctls).length > 0 ? { Sysctls: { ...spec.sysctls } } : {}),
    ...(spec.runtimeHandler === undefined ? {} : { Runtime: spec.runtimeHandler }),
    Mounts: spec.mounts.map(toMount),
    ...(bindings ? { PortBindings: bindings } : {}),
    ...(spec.cpuShares === undefined ? {} : { CpuShares: spec.cpuShares }),
    ...(spec.cpuQuotaMicros === undefined ? {} : { CpuQuota: spec.cpuQuotaMicros }),
    ...(spec.cpuPeriodMicros === undefined ? {} : { CpuPeriod: spec.cpuPeriodMicros }),
    // Equal limits: no swap beyond the memory, as under the kubelet.
    ...(spec.memoryBytes === undefined ? {} : { Memory: spec.memoryBytes, MemorySwap: spec.memoryBytes }),
    ...oom,
  };
}

function securityOptions(spec: PlacedContainer): string[] {
  return [
    ...(spec.noNewPrivileges ? ['no-new-privileges'] : []),
    ...(spec.seccompProfile === undefined ? [] : [`seccomp=${spec.seccompProfile}`]),
    ...(spec.appArmorProfile === undefined ? [] : [`apparmor=${spec.appArmorProfile}`]),
  ];
}

function networkMode(network: NetworkMode): string {
  switch (network.type) {
    case 'pod':
      return network.network;
    case 'container':
      return `container:${network.containerId}`;
    case 'host':
    case 'none':
      return network.type;
  }
}

function namespaceMode(mode: NamespaceMode): string {
  return mode.type === 'container' ? `container:${mode.containerId}` : mode.type;
}

/** A PID namespace is private by default and can be joined. The Engine names neither. */
function pidMode(mode: NamespaceMode): string {
  return mode.type === 'private' || mode.type === 'shareable' ? '' : namespaceMode(mode);
}

const toMount = (mount: Mount): MountSettings => ({
  Type: 'bind',
  Source: mount.source,
  Target: mount.target,
  ReadOnly: mount.readOnly,
  // The Engine's default is private. It refuses that for a path that holds its own root.
  ...(mount.propagation === undefined ? {} : { BindOptions: { Propagation: mount.propagation } }),
});

function portsOf(spec: PlacedContainer): {
  readonly exposed: Record<string, Record<string, never>> | undefined;
  readonly bindings: PortMap | undefined;
} {
  if (spec.ports.length === 0) return { exposed: undefined, bindings: undefined };
  const exposed: Record<string, Record<string, never>> = {};
  const bindings: PortMap = {};
  for (const port of spec.ports) {
    const key = `${port.containerPort}/${port.protocol.toLowerCase()}`;
    exposed[key] = {};
    const list = (bindings[key] ??= []) as { HostIp: string; HostPort: string }[];
    list.push({ HostIp: port.hostIp ?? '', HostPort: String(port.hostPort) });
  }
  return { exposed, bindings };
}
