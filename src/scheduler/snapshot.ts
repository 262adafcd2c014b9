/** Building the {@link Snapshot} from stored objects, and adding placements to it. */
import { controllerOf } from '../schemas/object.ts';
import { parseAmounts } from '../schemas/pod-resources.ts';
import { asLabelSelector } from '../schemas/selectors.ts';
import { compileLabelSelector } from './label-predicate.ts';
import type { Namespace, Node, Pod, ReplicaSet, ReplicationController, Service } from '../schemas/types.ts';
import { type ReadPod, createPodReader, isFinished } from './pod-info.ts';
import type { LabelPredicate, NodeInfo, PodInfo, Snapshot } from './types.ts';

export interface ClusterObjects {
  readonly nodes: readonly Node[];
  /** Every pod; those without a node and the finished ones are left out here. */
  readonly pods: readonly Pod[];
  readonly namespaces: readonly Namespace[];
  readonly services: readonly Service[];
  readonly replicaSets: readonly (ReplicaSet | ReplicationController)[];
}

export function buildSnapshot(
  objects: ClusterObjects,
  read: ReadPod = createPodReader(namespaceLabelsOf(objects)),
): Snapshot {
  const nodes = objects.nodes.map(toNodeInfo).sort((a, b) => (a.name < b.name ? -1 : 1));
  const imageSpread = new Map<string, number>();
  for (const node of nodes)
    for (const image of node.images.keys()) imageSpread.set(image, (imageSpread.get(image) ?? 0) + 1);
  const snapshot: Snapshot = {
    nodes,
    byName: new Map(nodes.map((node) => [node.name, node])),
    imageSpread,
    withRequiredAntiAffinity: new Map(),
    withAffinity: new Map(),
    namespaceLabels: namespaceLabelsOf(objects),
    defaultSpreadSelector: spreadSelectors(objects.services, objects.replicaSets),
  };
  for (const pod of objects.pods) {
    const node = pod.spec.nodeName === undefined ? undefined : snapshot.byName.get(pod.spec.nodeName);
    if (node && !isFinished(pod)) place(snapshot, read(pod), node);
  }
  return snapshot;
}

export function namespaceLabelsOf({ namespaces }: ClusterObjects): Snapshot['namespaceLabels'] {
  return new Map(namespaces.map((namespace) => [namespace.metadata.name, namespace.metadata.labels ?? {}]));
}

/** Counts the pod on the node: what the next pod of the batch sees. */
export function place(snapshot: Snapshot, pod: PodInfo, node: NodeInfo): void {
  node.pods.push(pod);
  for (const [resource, amount] of pod.requests)
    node.requested.set(resource, (node.requested.get(resource) ?? 0) + amount);
  node.nonZeroCpuMillis += pod.nonZeroCpuMillis;
  node.nonZeroMemoryBytes += pod.nonZeroMemoryBytes;
  node.usedPorts.push(...pod.hostPorts);
  if (pod.requiredAntiAffinity.length > 0) append(snapshot.withRequiredAntiAffinity, node, pod);
  const hasTerms =
    pod.requiredAffinity.length +
      pod.requiredAntiAffinity.length +
      pod.preferredAffinity.length +
      pod.preferredAntiAffinity.length >
    0;
  if (hasTerms) append(snapshot.withAffinity, node, pod);
}

/** The same world with some pods of one node gone; the original is left as it is. */
export function withoutPods(snapshot: Snapshot, node: NodeInfo, isGone: (pod: PodInfo) => boolean): Snapshot {
  const emptied: NodeInfo = { ...toNodeInfo(node.node), pods: [] };
  const nodes = snapshot.nodes.map((other) => (other === node ? emptied : other));
  const rest: Snapshot = {
    ...snapshot,
    nodes,
    byName: new Map(nodes.map((other) => [other.name, other])),
    withRequiredAntiAffinity: new Map(snapshot.withRequiredAntiAffinity),
    withAffinity: new Map(snapshot.withAffinity),
  };
  rest.withRequiredAntiAffinity.delete(node);
  rest.withAffinity.delete(node);
  for (const pod of node.pods) if (!isGone(pod)) place(rest, pod, emptied);
  return rest;
}

function append(lists: Map<NodeInfo, PodInfo[]>, node: NodeInfo, pod: PodInfo): void {
  const list = lists.get(node);
  if (list) list.push(pod);
  else lists.set(node, [pod]);
}

function toNodeInfo(node: Node): NodeInfo {
  const allocatable = parseAmounts(node.status?.allocatable ?? node.status?.capacity ?? {});
  const images = new Map<string, number>();
  for (const image of node.status?.images ?? []) {
    for (const name of image.names ?? []) images.set(normalisedImage(name), image.sizeBytes ?? 0);
  }
  return {
    node,
    name: node.metadata.name,
    labels: node.metadata.labels ?? {},
    taints: node.spec.taints ?? [],
    unschedulable: node.spec.unschedulable === true,
    allocatable,
    maxPods: allocatable.get('pods') ?? 0,
    images,
    pods: [],
    requested: new Map(),
    nonZeroCpuMillis: 0,
    nonZeroMemoryBytes: 0,
    usedPorts: [],
  };
}

/** `nginx` and `nginx:latest` are one image: a tag is added where neither tag nor digest is. */
export function normalisedImage(name: string): string {
  return name.lastIndexOf(':') <= name.lastIndexOf('/') ? `${name}:latest` : name;
}

/**
 * The built-in default spreading: a pod is spread against the pods that its Services select and, if a ReplicaSet
 * or ReplicationController controls it, against those that this selects; all of these selectors together.
 */
function spreadSelectors(
  services: readonly Service[],
  replicaSets: readonly (ReplicaSet | ReplicationController)[],
): (pod: PodInfo) => LabelPredicate | undefined {
  const byNamespace = new Map<string, { readonly selects: LabelPredicate }[]>();
  for (const service of services) {
    if (!service.spec.selector || Object.keys(service.spec.selector).length === 0) continue;
    const namespace = service.metadata.namespace ?? 'default';
    const list = byNamespace.get(namespace) ?? [];
    list.push({ selects: compileLabelSelector({ matchLabels: service.spec.selector }) });
    byNamespace.set(namespace, list);
  }
  const byUid = new Map(replicaSets.map((set) => [set.metadata.uid, set]));
  return (pod) => {
    const selectors = (byNamespace.get(pod.namespace) ?? [])
      .map((service) => service.selects)
      .filter((selects) => selects(pod.labels));
    const owner = controllerOf(pod.pod);
    const replicaSet = owner ? byUid.get(owner.uid) : undefined;
    if (replicaSet)
      selectors.push(compileLabelSelector(asLabelSelector(replicaSet, replicaSet.spec.selector)));
    return selectors.length === 0 ? undefined : (labels) => selectors.every((selects) => selects(labels));
  };
}
