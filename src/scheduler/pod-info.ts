/** Boils a Pod down to a {@link PodInfo}. */
import { setRecent } from '../base/bounded-map.ts';
import { keyOf } from '../schemas/object.ts';
import { podNonZeroRequests, podRequests } from '../schemas/pods/pod-resources.ts';
import { compileLabelSelector } from './label-predicate.ts';
import type { Pod, PodSpec } from '../schemas/types.ts';
import { claimsOfPod, type PodClaim } from '../schemas/volumes/pod-claims.ts';
import type { AffinityTerm, HostPort, PlacementSpec, PodInfo } from './types.ts';

type Container = PlacementSpec['containers'][number];
type NamespaceLabels = ReadonlyMap<string, Readonly<Record<string, string>>>;

/** Classes that are kept; beyond it they are read anew. */
const MAX_KNOWN_CLASSES = 10_000;

type UpstreamTerm = NonNullable<
  NonNullable<
    NonNullable<Pod['spec']['affinity']>['podAffinity']
  >['requiredDuringSchedulingIgnoredDuringExecution']
>[number];

export type ReadPod = (pod: Pod) => PodInfo;

/** Reads many pods. Those of one template are parsed once: that costs most. */
export function createPodReader(namespaceLabels: NamespaceLabels): ReadPod {
  const known = new Map<string, PodInfo>();
  let last: PodInfo | undefined;
  const infoOf = (alike: PodInfo, pod: Pod): PodInfo => ({
    ...alike,
    pod,
    key: keyOf(pod),
    terminating: pod.metadata.deletionTimestamp !== undefined,
  });
  return (pod) => {
    if (last && sharesClass(last, pod)) return infoOf(last, pod);
    const spec = placementSpecOf(pod.spec);
    const claims = claimsOfPod(pod);
    const classKey = classKeyOf(pod, spec, claims);
    const alike = known.get(classKey);
    last = alike ? infoOf(alike, pod) : readPod(pod, spec, claims, classKey, namespaceLabels);
    if (!alike) setRecent(known, classKey, last, MAX_KNOWN_CLASSES);
    return last;
  };
}

/** The parts that decide about the class of a pod without claims. */
const CLASS_METADATA = ['namespace', 'labels', 'ownerReferences'] as const;
const CLASS_SPEC = [
  ...['affinity', 'nodeSelector', 'overhead', 'preemptionPolicy', 'priority', 'resources', 'tolerations'],
  ...['topologySpreadConstraints', 'containers', 'initContainers', 'volumes'],
] as readonly (keyof PodSpec)[];

/** Whether the pod has the very same parts, as pods of one template do. Nothing is read. */
function sharesClass({ pod: known, claims }: PodInfo, pod: Pod): boolean {
  return (
    claims.length === 0 &&
    CLASS_METADATA.every((name) => known.metadata[name] === pod.metadata[name]) &&
    CLASS_SPEC.every((name) => known.spec[name] === pod.spec[name])
  );
}

export function toPodInfo(pod: Pod, namespaceLabels: NamespaceLabels): PodInfo {
  const spec = placementSpecOf(pod.spec);
  const claims = claimsOfPod(pod);
  return readPod(pod, spec, claims, classKeyOf(pod, spec, claims), namespaceLabels);
}

function placementSpecOf(spec: PodSpec): PlacementSpec {
  const { affinity, nodeSelector, overhead, preemptionPolicy, priority } = spec;
  const { resources, tolerations, topologySpreadConstraints } = spec;
  const containerOf = ({ image, ports, resources, restartPolicy }: Container): unknown => ({
    image,
    ports,
    resources,
    restartPolicy,
  });
  return {
    affinity,
    nodeSelector,
    overhead,
    preemptionPolicy,
    priority,
    resources,
    tolerations,
    topologySpreadConstraints,
    containers: spec.containers.map(containerOf),
    initContainers: (spec.initContainers ?? []).map(containerOf),
  } as PlacementSpec;
}

/** Pods with the same key are alike to filters and scorers. */
function classKeyOf({ metadata }: Pod, spec: PlacementSpec, claims: readonly PodClaim[]): string {
  const { namespace, labels } = metadata;
  return JSON.stringify([namespace, labels, ownerUidOf(metadata), spec, ...claims]);
}

const ownerUidOf = ({ ownerReferences }: Pod['metadata']): string | undefined =>
  ownerReferences?.find(({ controller }) => controller === true)?.uid;

function readPod(
  pod: Pod,
  spec: PlacementSpec,
  claims: readonly PodClaim[],
  classKey: string,
  namespaceLabels: NamespaceLabels,
): PodInfo {
  const namespace = pod.metadata.namespace ?? 'default';
  const affinity = spec.affinity?.podAffinity;
  const antiAffinity = spec.affinity?.podAntiAffinity;
  const term = (upstream: UpstreamTerm, weight = 0): AffinityTerm =>
    compileTerm(upstream, weight, namespace, namespaceLabels);
  const nonZero = podNonZeroRequests(spec);
  return {
    pod,
    key: keyOf(pod),
    classKey,
    spec,
    ownerUid: ownerUidOf(pod.metadata),
    namespace,
    labels: pod.metadata.labels ?? {},
    priority: spec.priority ?? 0,
    requests: podRequests(spec),
    nonZeroCpuMillis: nonZero.cpuMillis,
    nonZeroMemoryBytes: nonZero.memoryBytes,
    hostPorts: hostPortsOf(spec),
    claims,
    tolerations: spec.tolerations ?? [],
    terminating: pod.metadata.deletionTimestamp !== undefined,
    requiredAffinity: (affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []).map((t) => term(t)),
    requiredAntiAffinity: (antiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []).map((t) =>
      term(t),
    ),
    preferredAffinity: (affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map((t) =>
      term(t.podAffinityTerm, t.weight),
    ),
    preferredAntiAffinity: (antiAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map((t) =>
      term(t.podAffinityTerm, t.weight),
    ),
  };
}

/** Succeeded and Failed pods have given their resources back. */
export function isFinished(pod: Pod): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
}

function hostPortsOf({ containers, initContainers }: PlacementSpec): readonly HostPort[] {
  const sidecars = initContainers.filter(({ restartPolicy }) => restartPolicy === 'Always');
  return [...containers, ...sidecars].flatMap((container) =>
    (container.ports ?? [])
      .filter((port) => (port.hostPort ?? 0) > 0)
      .map((port) => ({
        ip: port.hostIP === undefined || port.hostIP === '' ? '0.0.0.0' : port.hostIP,
        protocol: port.protocol ?? 'TCP',
        port: port.hostPort ?? 0,
      })),
  );
}

/**
 * A term selects pods by a label selector, and namespaces by a list, a selector of namespace
 * labels, or (with neither) the pod's own. A missing label selector selects no pod, an empty one
 * every pod.
 */
function compileTerm(
  term: UpstreamTerm,
  weight: number,
  ownNamespace: string,
  labels: NamespaceLabels,
): AffinityTerm {
  const selects = term.labelSelector ? compileLabelSelector(term.labelSelector) : () => false;
  const selectsNamespace = term.namespaceSelector
    ? compileLabelSelector(term.namespaceSelector)
    : () => false;
  const listed = new Set(term.namespaces ?? []);
  if (listed.size === 0 && !term.namespaceSelector) listed.add(ownNamespace);
  return {
    topologyKey: term.topologyKey,
    weight,
    matches: (candidate) =>
      (listed.has(candidate.namespace) || selectsNamespace(labels.get(candidate.namespace) ?? {})) &&
      selects(candidate.labels),
  };
}
