/** The Node object of this node, made of what the engine says. Pure. */
import { toRfc3339 } from '../../base/clock.ts';
import { jsonEqual } from '../../base/json.ts';
import { transitionTime } from '../../schemas/conditions.ts';
import { omit } from '../../schemas/json-access.ts';
import type { Node } from '../../schemas/types.ts';
import { isExtendedResource } from '../../schemas/validation/resources.ts';
import type { HostNetworkTrouble } from '../agent-options.ts';
import type { ListedImage, RuntimeInfo } from '../runtime/types.ts';
import {
  VOLUMES_CAPACITY_ANNOTATION,
  VOLUMES_DIRECTORY_ANNOTATION,
  VOLUMES_LIMITS_ANNOTATION,
} from '../../schemas/volumes/drivers.ts';
import { addressCount } from './ip-allocator.ts';
import type { Pressures } from './plan-pressure.ts';
import { type EngineShare, planShare } from './plan-share.ts';

export interface NodeFacts {
  readonly nodeName: string;
  readonly nodeIp: string;
  readonly info: RuntimeInfo | undefined;
  /** The part of the engine's machine that belongs to this node. */
  readonly share: EngineShare;
  readonly images: readonly ListedImage[];
  /** The engine answers. */
  readonly runtimeUp: boolean;
  /** Limits how many pods fit; none do while it is unknown. */
  readonly podCidr: string | undefined;
  readonly agentVersion: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Annotations that the network of the host gives the Node. */
  readonly annotations: Readonly<Record<string, string>>;
  readonly volumes: LocalVolumes;
  readonly pressure: Pressures;
  /** Why pods cannot be reached by their addresses; undefined when they can. */
  readonly networkProblem?: string | undefined;
  /** The network between this host and others; absent where nothing is known of it. */
  readonly podNetwork?: 'ready' | HostNetworkTrouble;
}

/** The directory of the local volumes, and the size of its file system. */
export interface LocalVolumes {
  readonly directory: string;
  readonly capacityBytes: number | undefined;
  /** Whether their sizes are limits; undefined while that is not known. */
  readonly limits: string | undefined;
}

type Condition = NonNullable<NonNullable<Node['status']>['conditions']>[number];

/** Kubernetes' default, and its default limit of images in a node's status. */
const MAX_PODS = 110;
const MAX_IMAGES = 50;
/** `uname`'s names of architectures → Kubernetes'. */
const ARCHITECTURES: Readonly<Record<string, string>> = { x86_64: 'amd64', aarch64: 'arm64', armv7l: 'arm' };

export function planNodeObject(facts: NodeFacts): Node {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name: facts.nodeName,
      labels: nodeLabels(facts),
      annotations: nodeAnnotations(facts),
    },
    // Restores the range of the pods' addresses where the control plane has forgotten it.
    spec: facts.podCidr === undefined ? {} : { podCIDR: facts.podCidr, podCIDRs: [facts.podCidr] },
  };
}

export function nodeLabels(facts: NodeFacts): Record<string, string> {
  const architecture = facts.info?.architecture ?? '';
  const arch = ARCHITECTURES[architecture] ?? architecture;
  return {
    'kubernetes.io/hostname': facts.nodeName,
    'kubernetes.io/os': 'linux',
    'beta.kubernetes.io/os': 'linux',
    ...(arch === '' ? {} : { 'kubernetes.io/arch': arch, 'beta.kubernetes.io/arch': arch }),
    ...facts.labels,
  };
}

/** The facts that the control plane needs to place local volumes, and those of the network. */
export const nodeAnnotations = ({ volumes, annotations, podNetwork }: NodeFacts): Record<string, string> => ({
  ...annotations,
  [VOLUMES_DIRECTORY_ANNOTATION]: volumes.directory,
  ...(volumes.capacityBytes === undefined
    ? {}
    : { [VOLUMES_CAPACITY_ANNOTATION]: String(volumes.capacityBytes) }),
  ...(volumes.limits === undefined ? {} : { [VOLUMES_LIMITS_ANNOTATION]: volumes.limits }),
  ...(podNetwork === undefined
    ? {}
    : { [POD_NETWORK_ANNOTATION]: podNetwork === 'ready' ? podNetwork : podNetwork.message }),
});

/** `ready`, or why pods here cannot reach all others by their addresses. */
export const POD_NETWORK_ANNOTATION = 'symphony.dev/pod-network';

export function planNodeStatus(
  facts: NodeFacts,
  previous: Node['status'],
  nowMs: number,
): NonNullable<Node['status']> {
  const { info } = facts;
  const images = imagesOf(facts.images);
  const status: NonNullable<Node['status']> = {
    ...previous,
    ...(info ? resourcesOf(info, facts, previous) : {}),
    conditions: planConditions(facts, previous?.conditions ?? [], nowMs),
    addresses: [
      { type: 'InternalIP', address: facts.nodeIp },
      { type: 'Hostname', address: facts.nodeName },
    ],
    ...(info ? { nodeInfo: nodeInfoOf(info, facts.agentVersion) } : {}),
    images,
  };
  // An empty list is not stored: it would be a change at each beat.
  if (images.length === 0) delete status.images;
  return status;
}

function imagesOf(images: readonly ListedImage[]): NonNullable<NonNullable<Node['status']>['images']> {
  return images
    .filter((image) => image.tags.length + image.digests.length > 0)
    .sort((a, b) => b.sizeBytes - a.sizeBytes || (a.id < b.id ? -1 : 1))
    .slice(0, MAX_IMAGES)
    .map((image) => ({ names: [...image.digests, ...image.tags], sizeBytes: image.sizeBytes }));
}

/** With extended resources (`example.com/dongle`) that others have given the node. */
function resourcesOf(
  info: RuntimeInfo,
  { share, podCidr }: NodeFacts,
  previous: Node['status'],
): Pick<NonNullable<Node['status']>, 'capacity' | 'allocatable'> {
  const extended = Object.entries(previous?.capacity ?? {}).filter(([name]) => isExtendedResource(name));
  const pods = String(Math.min(MAX_PODS, addressCount(podCidr)));
  const all = { ...planShare(info, share), pods, ...Object.fromEntries(extended) };
  return { capacity: all, allocatable: all };
}

function nodeInfoOf(
  info: RuntimeInfo,
  agentVersion: string,
): NonNullable<NonNullable<Node['status']>['nodeInfo']> {
  return {
    machineID: info.machineId,
    systemUUID: info.machineId,
    bootID: info.bootId,
    kernelVersion: info.kernelVersion,
    osImage: info.osImage,
    containerRuntimeVersion: `${info.name}://${info.version}`,
    kubeletVersion: agentVersion,
    kubeProxyVersion: '',
    operatingSystem: 'linux',
    architecture: ARCHITECTURES[info.architecture] ?? info.architecture,
  };
}

/** Conditions with the reason and message of a pressure. */
const PRESSURES = [
  ['memory', 'MemoryPressure', 'HasInsufficientMemory', 'insufficient memory available'],
  ['disk', 'DiskPressure', 'HasDiskPressure', 'disk pressure'],
  ['pid', 'PIDPressure', 'HasInsufficientPID', 'insufficient PID available'],
] as const;
const CALM = {
  memory: { reason: 'HasSufficientMemory', message: 'kubelet has sufficient memory available' },
  disk: { reason: 'HasNoDiskPressure', message: 'kubelet has no disk pressure' },
  pid: { reason: 'HasSufficientPID', message: 'kubelet has sufficient PID available' },
};

function planConditions(facts: NodeFacts, previous: readonly Condition[], nowMs: number): Condition[] {
  const decided: Omit<Condition, 'lastHeartbeatTime' | 'lastTransitionTime'>[] = [
    ...PRESSURES.map(([key, type, reason, what]) =>
      facts.pressure[key]
        ? { type, status: 'True', reason, message: `kubelet has ${what}` }
        : { type, status: 'False', ...CALM[key] },
    ),
    facts.runtimeUp
      ? { type: 'Ready', status: 'True', reason: 'KubeletReady', message: 'kubelet is posting ready status' }
      : { type: 'Ready', status: 'False', reason: 'KubeletNotReady', message: 'container runtime is down' },
    ...networkCondition(facts, previous),
  ];
  const ours = decided.map((condition): Condition => {
    const lastTransitionTime = transitionTime(previous, condition, nowMs);
    return { ...condition, lastHeartbeatTime: toRfc3339(nowMs), lastTransitionTime };
  });
  return [...previous.filter((condition) => !decided.some(({ type }) => type === condition.type)), ...ours];
}

const NETWORK_TAKEN = 'PodNetworkTaken';
/** As Kubernetes' route controller says it. */
const NO_ROUTE = 'NoRouteCreated';
const NETWORK_REACHABLE = 'PodNetworkReachable';
const NETWORK_REASONS: readonly unknown[] = [NETWORK_TAKEN, NO_ROUTE, NETWORK_REACHABLE];

/** Only a node that had the problem reports that it is over. */
function networkCondition(
  { networkProblem, podNetwork = 'ready' }: NodeFacts,
  previous: readonly Condition[],
): readonly { type: string; status: string; reason: string; message: string }[] {
  const type = 'NetworkUnavailable';
  if (networkProblem !== undefined)
    return [{ type, status: 'True', reason: NETWORK_TAKEN, message: networkProblem }];
  if (podNetwork !== 'ready' && podNetwork.isCutOff)
    return [{ type, status: 'True', reason: NO_ROUTE, message: podNetwork.message }];
  const before = previous.find((condition) => condition.type === type)?.reason;
  if (!NETWORK_REASONS.includes(before)) return [];
  const message = 'the addresses of pods lead to the network of the pods';
  return [{ type, status: 'False', reason: NETWORK_REACHABLE, message }];
}

/** The statuses differ in more than heartbeats: worth a write before its time. */
export function hasNews(next: Node['status'], stored: Node['status']): boolean {
  return !jsonEqual(withoutHeartbeats(next), withoutHeartbeats(stored));
}

function withoutHeartbeats(status: Node['status']): Node['status'] {
  if (!status) return status;
  return {
    ...status,
    conditions: (status.conditions ?? []).map((condition) => omit(condition, 'lastHeartbeatTime')),
  };
}
