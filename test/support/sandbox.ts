/** Sandboxes and containers for tests that use a runtime themselves. */
import {
  type ContainerSpec,
  labelKeys,
  type Sandbox,
  type SandboxSpec,
} from '../../src/node-agent/runtime/types.ts';
import { OWN_SANDBOX } from '../../src/node-agent/runtime/docker/placed-container.ts';

export function aSandboxSpec(over: Partial<SandboxSpec> = {}): SandboxSpec {
  return {
    name: 'k8s_POD_pod_default_uid_0',
    labels: { [labelKeys.role]: 'pod', [labelKeys.attempt]: '0' },
    containers: 1,
    network: { type: 'none' },
    ipc: 'pod',
    pid: 'container',
    sysctls: {},
    ports: [],
    mounts: [],
    ...over,
  };
}

/** The sandbox of a pod with one container, as it is before that container exists. */
export const vacantSandbox = (over: Partial<SandboxSpec> = {}): Sandbox => ({
  id: OWN_SANDBOX,
  spec: aSandboxSpec(over),
});

export const aContainerSpec = (
  over: Partial<ContainerSpec> & Pick<ContainerSpec, 'name' | 'labels' | 'image'>,
): ContainerSpec => ({
  env: [],
  supplementalGroups: [],
  mounts: [],
  privileged: false,
  readOnlyRootFilesystem: false,
  noNewPrivileges: false,
  capabilities: { add: [], drop: [] },
  stdin: false,
  stdinOnce: false,
  tty: false,
  ...over,
});
