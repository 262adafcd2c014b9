/**
 * A pod's container → the specification that the runtime gets. Pure and total: a container that
 * cannot be made gets a refusal in the kubelet's words, and the plan lists everything that must be
 * prepared on the disk. Deny by default: a field that is not mapped here has no effect.
 */
import type { Container, Pod } from '../../schemas/types.ts';
import type { ContainerSpec, ImageRecord, Mount } from '../runtime/types.ts';
import { imageForContainer } from '../images/reference.ts';
import { createProgramBudget, expandReferences, Refused } from './expand.ts';
import type { PodPlace } from './field-ref.ts';
import { containerLabels, containerName, podHostname } from './identity.ts';
import { type EnvSources, type EnvVariable, planEnvironment } from './plan-environment.ts';
import { type ContainerVolumes, planMounts, type SubPath } from './plan-mounts.ts';
import { planSecurity } from './plan-security.ts';
import { cgroupValuesOf, oomScoreOf } from './qos.ts';

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
}

export interface ContainerPlanInput extends PodPlanInput, ContainerVolumes {
  readonly container: Container;
  readonly role: 'init' | 'container';
  readonly attempt: number;
  readonly sources: EnvSources;
  readonly serviceEnv: readonly EnvVariable[];
  /** Host path of every volume of the pod, by the volume's name. */
  readonly volumePaths: ReadonlyMap<string, string>;
  readonly files: PodFiles;
  /** Host file that the container sees as its terminationMessagePath. */
  readonly terminationLog: string;
  readonly image: ImageRecord;
}

export type ContainerPlan =
  | {
      readonly ok: true;
      readonly spec: ContainerSpec;
      /** Until they are resolved, their mounts have the whole volume as their source. */
      readonly subPaths: readonly SubPath[];
      /**
       * Names of envFrom entries that cannot be environment variables (an event tells the user).
       */
      readonly skippedEnv: readonly string[];
    }
  | { readonly ok: false; readonly reason: 'CreateContainerConfigError'; readonly message: string };

const DEFAULT_TERMINATION_PATH = '/dev/termination-log';

export function planContainerSpec(input: ContainerPlanInput): ContainerPlan {
  try {
    return planSpec(input);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return { ok: false, reason: 'CreateContainerConfigError', message: error.message };
  }
}

function planSpec(input: ContainerPlanInput): ContainerPlan {
  const { pod, container } = input;
  const { env, skipped } = planEnvironment(input);
  const security = planSecurity(pod, container, input.image);
  const { mounts, subPaths } = planMounts(container, env, input.volumePaths, input);

  const values = new Map(env.map(({ name, value }) => [name, value]));
  const spend = createProgramBudget();
  const expand = (texts: readonly string[]): string[] =>
    texts.map((text) => spend(expandReferences(text, (name) => values.get(name))));
  const spec: ContainerSpec = {
    name: containerName(pod, container.name, input.attempt),
    image: imageForContainer(container.image ?? '', input.image),
    labels: containerLabels({ ...input, nodeName: input.place.nodeName }),
    ...(container.command && container.command.length > 0 ? { command: expand(container.command) } : {}),
    ...(container.args && container.args.length > 0 ? { args: expand(container.args) } : {}),
    env: withHostname(env, pod),
    ...(container.workingDir ? { workingDir: container.workingDir } : {}),
    ...security,
    mounts: [...mounts, ...ownMounts(input, mounts)],
    ...cgroupValuesOf(container),
    oomScoreAdj: oomScoreOf(pod, container, input.nodeMemoryBytes),
    stdin: container.stdin === true,
    stdinOnce: container.stdinOnce === true,
    tty: container.tty === true,
  };
  return { ok: true, spec, subPaths, skippedEnv: skipped };
}

/** Images expect HOSTNAME. The engine sets it only for containers with a host name of their own. */
function withHostname(env: readonly EnvVariable[], pod: Pod): readonly EnvVariable[] {
  if (pod.spec.hostNetwork === true || env.some(({ name }) => name === 'HOSTNAME')) return env;
  return [{ name: 'HOSTNAME', value: podHostname(pod) }, ...env];
}

/** hosts, resolv.conf and the termination log. A volume that the user mounts there wins. */
function ownMounts(input: ContainerPlanInput, users: readonly Mount[]): readonly Mount[] {
  const target = input.container.terminationMessagePath || DEFAULT_TERMINATION_PATH;
  const taken = users.map((mount) => mount.target);
  return [
    ...fileMounts(input.files, taken),
    ...(taken.includes(target) ? [] : [{ source: input.terminationLog, target, readOnly: false }]),
  ];
}

export function fileMounts(files: PodFiles, taken: readonly string[] = []): readonly Mount[] {
  return [
    { source: files.hosts, target: '/etc/hosts', readOnly: false },
    { source: files.resolvConf, target: '/etc/resolv.conf', readOnly: false },
  ].filter(({ target }) => !taken.includes(target));
}
