/**
 * Pod + container + what the node knows → the one specification that the runtime gets. Pure and total: every reason why a
 * container cannot be made is a refusal in the kubelet's words, and everything the executor must prepare on the disk is in
 * the plan. Deny by default: a field that is not mapped here has no effect.
 */
import { dottedSysctl } from '../../schemas/values/sysctls.ts';
import type { Container, Pod } from '../../schemas/types.ts';
import type {
  ContainerSpec,
  ImageRecord,
  Mount,
  NamespaceMode,
  NetworkMode,
  PublishedPort,
} from '../runtime/types.ts';
import { imageForContainer } from '../images/reference.ts';
import { createProgramBudget, expandReferences, ProgramTooLong } from './expand.ts';
import type { PodPlace } from './field-ref.ts';
import { containerLabels, containerName, podFqdn, podHostname, SANDBOX_NAME } from './identity.ts';
import { type EnvSources, type EnvVariable, planEnvironment } from './plan-environment.ts';
import { planMounts, type SubPath } from './plan-mounts.ts';
import { planSecurity } from './plan-security.ts';
import { cgroupValuesOf, oomScoreOf, SANDBOX_OOM_SCORE } from './qos.ts';

/** Files that the agent keeps for the pod and mounts into each of its containers. */
export interface PodFiles {
  readonly hosts: string;
  readonly resolvConf: string;
}

/** The part of the input that is the same for all containers of a pod. */
export interface PodPlanInput {
  readonly pod: Pod;
  readonly place: PodPlace;
  readonly nodeMemoryBytes: number;
  readonly cluster: string;
  /** Name of the pods' network; unused for a pod on the host's network. */
  readonly network: string;
  readonly clusterDomain: string;
  /** Of the pod's RuntimeClass; absent for the engine's default. */
  readonly runtimeHandler?: string | undefined;
}

export interface ContainerPlanInput extends PodPlanInput {
  readonly container: Container;
  readonly role: 'init' | 'container';
  /** Restart count of this attempt. */
  readonly attempt: number;
  /** Id of the pod's sandbox; absent for a pod whose only container is its own sandbox. */
  readonly sandboxId?: string | undefined;
  readonly sources: EnvSources;
  readonly serviceEnv: readonly EnvVariable[];
  /** Host path of every volume of the pod, by the volume's name. */
  readonly volumePaths: ReadonlyMap<string, string>;
  /** Names of the volumes that only the agent writes. */
  readonly agentVolumes: ReadonlySet<string>;
  readonly files: PodFiles;
  /** Host file that the container sees as its terminationMessagePath. */
  readonly terminationLog: string;
  readonly image: ImageRecord;
}

export type RefusalReason = 'CreateContainerConfigError' | 'CreateContainerError';

export type ContainerPlan =
  | {
      readonly ok: true;
      readonly spec: ContainerSpec;
      /**
       * Their mounts have the whole volume as their source until they are resolved, before the
       * container is created.
       */
      readonly subPaths: readonly SubPath[];
      /** Names of envFrom entries that cannot be environment variables (an event tells the user). */
      readonly skippedEnv: readonly string[];
    }
  | { readonly ok: false; readonly reason: RefusalReason; readonly message: string };

const DEFAULT_TERMINATION_PATH = '/dev/termination-log';

/** Whether the pod needs a pause container: as soon as more than one container must share its namespaces. */
export function sandboxNeeded(pod: Pod): boolean {
  const count = pod.spec.containers.length + (pod.spec.initContainers ?? []).length;
  return count > 1 || pod.spec.shareProcessNamespace === true;
}

export function planContainerSpec(input: ContainerPlanInput): ContainerPlan {
  try {
    return planSpec(input);
  } catch (error) {
    if (!(error instanceof ProgramTooLong)) throw error;
    return refuse(error.message);
  }
}

const refuse = (message: string): ContainerPlan => ({
  ok: false,
  reason: 'CreateContainerConfigError',
  message,
});

function planSpec(input: ContainerPlanInput): ContainerPlan {
  const { pod, container } = input;
  const environment = planEnvironment(input);
  if (!environment.ok) return refuse(environment.message);
  const security = planSecurity(pod, container, input.image);
  if (!security.ok) return refuse(security.message);
  const mounts = planMounts(container, environment.env, input.volumePaths, input.agentVolumes);
  if (!mounts.ok) return refuse(mounts.message);

  const values = new Map(environment.env.map(({ name, value }) => [name, value]));
  const spend = createProgramBudget();
  const expand = (texts: readonly string[]): string[] =>
    texts.map((text) => spend(expandReferences(text, (name) => values.get(name))));
  const alone = input.sandboxId === undefined;
  const spec: ContainerSpec = {
    name: containerName(pod, container.name, input.attempt),
    image: imageForContainer(container.image ?? '', input.image),
    labels: containerLabels({
      ...input,
      nodeName: input.place.nodeName,
      withManifest: alone,
    }),
    ...(container.command && container.command.length > 0 ? { command: expand(container.command) } : {}),
    ...(container.args && container.args.length > 0 ? { args: expand(container.args) } : {}),
    env: withHostname(environment.env, pod),
    ...(container.workingDir ? { workingDir: container.workingDir } : {}),
    ...(alone ? hostnameOf(input) : {}),
    ...security.parts,
    mounts: [...mounts.mounts, ...ownMounts(input, mounts.mounts)],
    tmpfs: [],
    sysctls: alone ? sysctlsOf(pod) : {},
    ...handlerOf(input),
    ...cgroupValuesOf(container),
    oomScoreAdj: oomScoreOf(pod, container, input.nodeMemoryBytes),
    network:
      input.sandboxId === undefined ? podNetwork(input) : { type: 'container', containerId: input.sandboxId },
    ipc: namespaceOf(pod.spec.hostIPC, input.sandboxId),
    pid: namespaceOf(pod.spec.hostPID, pod.spec.shareProcessNamespace === true ? input.sandboxId : undefined),
    ports: alone ? publishedPorts(pod) : [],
    stdin: container.stdin === true,
    stdinOnce: container.stdinOnce === true,
    tty: container.tty === true,
  };
  return { ok: true, spec, subPaths: mounts.subPaths, skippedEnv: environment.skipped };
}

/** The pause container, which holds the pod's network, IPC, host name and published ports. */
export function planSandboxSpec(
  input: PodPlanInput & {
    readonly attempt: number;
    readonly image: Pick<ImageRecord, 'id'>;
    readonly files: PodFiles;
    readonly command?: readonly string[] | undefined;
  },
): ContainerSpec {
  const { pod } = input;
  return {
    name: containerName(pod, SANDBOX_NAME, input.attempt),
    image: input.image.id,
    labels: containerLabels({
      ...input,
      container: SANDBOX_NAME,
      role: 'pod',
      nodeName: input.place.nodeName,
      withManifest: true,
    }),
    ...(input.command ? { command: input.command } : {}),
    env: [],
    ...hostnameOf(input),
    supplementalGroups: [],
    mounts: fileMounts(input.files, []),
    tmpfs: [],
    privileged: false,
    readOnlyRootFilesystem: true,
    noNewPrivileges: true,
    capabilities: { add: [], drop: ['ALL'] },
    sysctls: sysctlsOf(pod),
    ...handlerOf(input),
    cpuShares: 2,
    oomScoreAdj: SANDBOX_OOM_SCORE,
    network: podNetwork(input),
    ipc: pod.spec.hostIPC === true ? { type: 'host' } : { type: 'shareable' },
    pid: pod.spec.hostPID === true ? { type: 'host' } : { type: 'private' },
    ports: publishedPorts(pod),
    stdin: false,
    stdinOnce: false,
    tty: false,
    // The pause program handles no signal, and has nothing to finish.
    stopSignal: 'SIGKILL',
  };
}

function podNetwork(input: PodPlanInput): NetworkMode {
  if (input.pod.spec.hostNetwork === true) return { type: 'host' };
  const { podIp } = input.place;
  return podIp === undefined ? { type: 'none' } : { type: 'pod', network: input.network, ip: podIp };
}

function namespaceOf(host: boolean | undefined, sandboxId: string | undefined): NamespaceMode {
  if (host === true) return { type: 'host' };
  return sandboxId === undefined ? { type: 'private' } : { type: 'container', containerId: sandboxId };
}

/** On the host's network the host's name stays, as the engine demands. */
function hostnameOf({ pod, clusterDomain }: PodPlanInput): Pick<ContainerSpec, 'hostname'> {
  if (pod.spec.hostNetwork === true) return {};
  const fqdn = pod.spec.setHostnameAsFQDN === true ? podFqdn(pod, clusterDomain) : undefined;
  return { hostname: fqdn ?? podHostname(pod) };
}

/** Images and shells expect HOSTNAME; the engine sets it only for containers with a host name of their own. */
function withHostname(env: readonly EnvVariable[], pod: Pod): readonly EnvVariable[] {
  if (pod.spec.hostNetwork === true || env.some(({ name }) => name === 'HOSTNAME')) return env;
  return [{ name: 'HOSTNAME', value: podHostname(pod) }, ...env];
}

const handlerOf = ({ runtimeHandler }: PodPlanInput): Pick<ContainerSpec, 'runtimeHandler'> =>
  runtimeHandler === undefined ? {} : { runtimeHandler };

function sysctlsOf(pod: Pod): Record<string, string> {
  return Object.fromEntries(
    (pod.spec.securityContext?.sysctls ?? []).map(({ name, value }) => [dottedSysctl(name), value]),
  );
}

/** hosts, resolv.conf and the termination log; a volume that the user mounts at the same place wins. */
function ownMounts(input: ContainerPlanInput, users: readonly Mount[]): readonly Mount[] {
  const target = input.container.terminationMessagePath || DEFAULT_TERMINATION_PATH;
  const taken = users.map((mount) => mount.target);
  return [
    ...fileMounts(input.files, taken),
    ...(taken.includes(target) ? [] : [{ source: input.terminationLog, target, readOnly: false }]),
  ];
}

function fileMounts(files: PodFiles, taken: readonly string[]): readonly Mount[] {
  return [
    { source: files.hosts, target: '/etc/hosts', readOnly: false },
    { source: files.resolvConf, target: '/etc/resolv.conf', readOnly: false },
  ].filter(({ target }) => !taken.includes(target));
}

function publishedPorts(pod: Pod): readonly PublishedPort[] {
  if (pod.spec.hostNetwork === true) return [];
  const sidecars = (pod.spec.initContainers ?? []).filter((init) => init.restartPolicy === 'Always');
  return [...sidecars, ...pod.spec.containers].flatMap((container) =>
    (container.ports ?? []).flatMap((port): PublishedPort[] =>
      port.hostPort === undefined || port.hostPort === 0
        ? []
        : [
            {
              containerPort: port.containerPort,
              hostPort: port.hostPort,
              protocol: port.protocol ?? 'TCP',
              ...(port.hostIP ? { hostIp: port.hostIP } : {}),
            },
          ],
    ),
  );
}
