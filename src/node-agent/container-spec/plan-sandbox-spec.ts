/** A pod → the specification of its sandbox: the part that all of its containers share. Pure. */
import type { Pod } from '../../schemas/types.ts';
import { dottedSysctl } from '../../schemas/values/sysctls.ts';
import type { PodNetwork, PublishedPort, SandboxShape, SandboxSpec } from '../runtime/types.ts';
import { containerLabels, containerName, podFqdn, podHostname, SANDBOX_NAME } from './identity.ts';
import { fileMounts, type PodFiles, type PodPlanInput } from './plan-container-spec.ts';

export interface SandboxPlanInput extends PodPlanInput {
  readonly attempt: number;
  readonly files: PodFiles;
  /** The handler of the pod's RuntimeClass; absent for the engine's default. */
  readonly runtimeHandler?: string | undefined;
}

export function sandboxShapeOf({ spec }: Pod): SandboxShape {
  const { containers, initContainers = [], hostPID, shareProcessNamespace } = spec;
  return {
    containers: containers.length + initContainers.length,
    pid: shareProcessNamespace === true ? 'pod' : hostPID === true ? 'host' : 'container',
  };
}

export function planSandboxSpec(input: SandboxPlanInput): SandboxSpec {
  const { pod, attempt, place, runtimeHandler, files } = input;
  const { securityContext, hostIPC } = pod.spec;
  const sysctls = (securityContext?.sysctls ?? []).map(({ name, value }) => [dottedSysctl(name), value]);
  return {
    name: containerName(pod, SANDBOX_NAME, attempt),
    labels: containerLabels({ ...input, container: SANDBOX_NAME, role: 'pod', nodeName: place.nodeName }),
    ...sandboxShapeOf(pod),
    ...hostnameOf(input),
    network: podNetwork(input),
    ipc: hostIPC === true ? 'host' : 'pod',
    sysctls: Object.fromEntries(sysctls) as Record<string, string>,
    ports: publishedPorts(pod),
    mounts: fileMounts(files),
    ...(runtimeHandler === undefined ? {} : { runtimeHandler }),
  };
}

function podNetwork({ pod, place, network }: PodPlanInput): PodNetwork {
  if (pod.spec.hostNetwork === true) return { type: 'host' };
  return place.podIp === undefined ? { type: 'none' } : { type: 'pod', network, ip: place.podIp };
}

/** A pod on the host's network keeps the host's name, as engines demand. */
function hostnameOf({ pod, clusterDomain }: PodPlanInput): Pick<SandboxSpec, 'hostname'> {
  if (pod.spec.hostNetwork === true) return {};
  const fqdn = pod.spec.setHostnameAsFQDN === true ? podFqdn(pod, clusterDomain) : undefined;
  return { hostname: fqdn ?? podHostname(pod) };
}

function publishedPorts(pod: Pod): readonly PublishedPort[] {
  if (pod.spec.hostNetwork === true) return [];
  const sidecars = (pod.spec.initContainers ?? []).filter((init) => init.restartPolicy === 'Always');
  const ports = [...sidecars, ...pod.spec.containers].flatMap((container) => container.ports ?? []);
  return ports.flatMap(({ containerPort, hostPort, hostIP, protocol = 'TCP' }) =>
    hostPort ? [{ containerPort, hostPort, protocol, ...(hostIP ? { hostIp: hostIP } : {}) }] : [],
  );
}
