/** Boils a Pod down to a {@link PodInfo}. */
import { controllerOf, keyOf } from '../schemas/object.ts';
import { podNonZeroRequests, podRequests } from '../schemas/pod-resources.ts';
import { compileLabelSelector } from './label-predicate.ts';
import type { Pod } from '../schemas/types.ts';
import type { AffinityTerm, HostPort, PodInfo } from './types.ts';

type NamespaceLabels = ReadonlyMap<string, Readonly<Record<string, string>>>;

/** Beyond it a pod is boiled down on its own. */
const MAX_KNOWN_CLASSES = 10_000;

type UpstreamTerm = NonNullable<
  NonNullable<
    NonNullable<Pod['spec']['affinity']>['podAffinity']
  >['requiredDuringSchedulingIgnoredDuringExecution']
>[number];

export type ReadPod = (pod: Pod) => PodInfo;

/**
 * Reads many pods. Those of one template are boiled down once: parsing quantities and compiling selectors costs far more
 * than telling that two pods are alike.
 */
export function createPodReader(namespaceLabels: NamespaceLabels): ReadPod {
  const known = new Map<string, PodInfo>();
  return (pod) => {
    const classKey = classKeyOf(pod);
    const alike = known.get(classKey);
    if (!alike) {
      const info = toPodInfo(pod, namespaceLabels, classKey);
      if (known.size < MAX_KNOWN_CLASSES) known.set(classKey, info);
      return info;
    }
    return { ...alike, pod, key: keyOf(pod), terminating: pod.metadata.deletionTimestamp !== undefined };
  };
}

/** Everything of a pod that placement depends on, but for the node it is on. */
function classKeyOf(pod: Pod): string {
  const { metadata, spec } = pod;
  const owner = controllerOf(pod);
  return JSON.stringify([metadata.namespace, metadata.labels, owner?.uid, { ...spec, nodeName: undefined }]);
}

export function toPodInfo(pod: Pod, namespaceLabels: NamespaceLabels, classKey = classKeyOf(pod)): PodInfo {
  const namespace = pod.metadata.namespace ?? 'default';
  const affinity = pod.spec.affinity?.podAffinity;
  const antiAffinity = pod.spec.affinity?.podAntiAffinity;
  const term = (upstream: UpstreamTerm, weight = 0): AffinityTerm =>
    compileTerm(upstream, weight, namespace, namespaceLabels);
  const nonZero = podNonZeroRequests(pod.spec);
  return {
    pod,
    key: keyOf(pod),
    classKey,
    namespace,
    labels: pod.metadata.labels ?? {},
    priority: pod.spec.priority ?? 0,
    requests: podRequests(pod.spec),
    nonZeroCpuMillis: nonZero.cpuMillis,
    nonZeroMemoryBytes: nonZero.memoryBytes,
    hostPorts: hostPortsOf(pod),
    tolerations: pod.spec.tolerations ?? [],
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

function hostPortsOf(pod: Pod): readonly HostPort[] {
  const sidecars = (pod.spec.initContainers ?? []).filter(
    (container) => container.restartPolicy === 'Always',
  );
  return [...pod.spec.containers, ...sidecars].flatMap((container) =>
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
 * A term names the pods it means by label selector, and their namespaces by a list, a selector of namespace labels, or
 * (with neither) the pod's own. A missing label selector means no pod, an empty one every pod.
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
