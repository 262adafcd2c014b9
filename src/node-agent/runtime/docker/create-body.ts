/**
 * A container → the body of `POST /containers/create`. Pure. Deny by default: it sets only what the
 * specification names, and leaves no restart policy, init process or health check to the Engine.
 */
import type { ContainerCreateOptions, HostConfig, MountSettings, PortMap } from 'dockerode';
import { labelKeys, type Mount } from '../types.ts';
import { WAITING_PATH } from './plan-linked-container.ts';
import type { NamespaceMode, NetworkMode, PlacedContainer } from './placed-container.ts';

/** Kubelet's containerLogMaxSize and containerLogMaxFiles. */
const LOG_CONFIG = { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '5' } };

export function toCreateBody(spec: PlacedContainer, negativeOomScores = true): ContainerCreateOptions {
  const bindings = bindingsOf(spec);
  return {
    Image: spec.image,
    // The engine adds the labels of the image, unless it is given others.
    Labels: { ...spec.labels, [labelKeys.address]: spec.linked?.address ?? '' },
    Env: spec.env.map(({ name, value }) => `${name}=${value}`),
    ...programOf(spec),
    WorkingDir: spec.workingDir,
    Hostname: spec.hostname,
    User: spec.user,
    StopSignal: spec.stopSignal,
    Tty: spec.tty,
    OpenStdin: spec.stdin,
    StdinOnce: spec.stdinOnce,
    // The agent probes. An image's own health check would cost an exec every 30 s.
    Healthcheck: { Test: ['NONE'] },
    ExposedPorts: Object.fromEntries(Object.keys(bindings).map((port) => [port, {}])),
    HostConfig: hostConfigOf(spec, bindings, negativeOomScores),
    ...(spec.linked
      ? // A network of its own, which the engine leaves empty.
        { NetworkDisabled: true }
      : { NetworkingConfig: endpointOf(spec.network) }),
  };
}

function programOf({ linked, command, args }: PlacedContainer): ContainerCreateOptions {
  if (linked?.waits) return { Entrypoint: [WAITING_PATH], Cmd: [...linked.waits.args] };
  return {
    Entrypoint: command && [...command],
    // The image's arguments are not for another entry point.
    Cmd: args ? [...args] : command && [],
  };
}

const endpointOf = (network: NetworkMode): ContainerCreateOptions['NetworkingConfig'] =>
  network.type === 'pod'
    ? { EndpointsConfig: { [network.network]: { IPAMConfig: { IPv4Address: network.ip } } } }
    : undefined;

function hostConfigOf(spec: PlacedContainer, bindings: PortMap, negativeOomScores: boolean): HostConfig {
  const { oomScoreAdj = 0 } = spec;
  return {
    NetworkMode: spec.linked ? undefined : networkMode(spec.network),
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
    SecurityOpt: securityOptions(spec),
    Sysctls: { ...spec.sysctls },
    Runtime: spec.runtimeHandler,
    Mounts: mountsOf(spec).map(toMount),
    PortBindings: bindings,
    CpuShares: spec.cpuShares,
    CpuQuota: spec.cpuQuotaMicros,
    CpuPeriod: spec.cpuPeriodMicros,
    // Equal limits: no swap beyond the memory, as under the kubelet.
    Memory: spec.memoryBytes,
    MemorySwap: spec.memoryBytes,
    OomScoreAdj: negativeOomScores ? oomScoreAdj : Math.max(0, oomScoreAdj),
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

function mountsOf({ mounts, linked }: PlacedContainer): readonly Mount[] {
  if (!linked?.waits) return mounts;
  return [...mounts, { source: linked.waits.program, target: WAITING_PATH, readOnly: true }];
}

const toMount = (mount: Mount): MountSettings => ({
  Type: 'bind',
  Source: mount.source,
  Target: mount.target,
  ReadOnly: mount.readOnly,
  // The Engine's default is private. It refuses that for a path that holds its own root.
  ...(mount.propagation === undefined ? {} : { BindOptions: { Propagation: mount.propagation } }),
});

function bindingsOf({ ports }: PlacedContainer): PortMap {
  const bindings: Record<string, { HostIp: string; HostPort: string }[]> = {};
  for (const { containerPort, protocol, hostIp = '', hostPort } of ports) {
    const key = `${containerPort}/${protocol.toLowerCase()}`;
    (bindings[key] ??= []).push({ HostIp: hostIp, HostPort: String(hostPort) });
  }
  return bindings;
}
