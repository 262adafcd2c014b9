/** Keeps the {@link Snapshot} up to date with the stored objects, and adds placements to it. */
import { keyOf } from '../schemas/object.ts';
import { parseAmounts } from '../schemas/pods/pod-resources.ts';
import { asLabelSelector } from '../schemas/values/selectors.ts';
import { compileLabelSelector } from './label-predicate.ts';
import type {
  Namespace,
  Node,
  Pod,
  ReplicaSet,
  ReplicationController,
  Service,
  StatefulSet,
} from '../schemas/types.ts';
import { type ReadPod, createPodReader, isFinished } from './pod-info.ts';
import { createStorage, NO_STORAGE } from './storage.ts';
import type { NodeInfo, PodInfo, Snapshot, StorageObjects } from './types.ts';

/** The input of default spreading; see `spreadSelectors`. */
export interface SpreadingObjects {
  readonly services: readonly Service[];
  readonly replicaSets: readonly (ReplicaSet | ReplicationController | StatefulSet)[];
  /** Absent: there are no claims and no volumes. */
  readonly storage?: StorageObjects;
}

export interface ClusterObjects extends SpreadingObjects {
  readonly nodes: readonly Node[];
  /** Every pod; those without a node and the finished ones are left out here. */
  readonly pods: readonly Pod[];
  readonly namespaces: readonly Namespace[];
}

/** The cluster between placements. A change costs one node. An absent object is gone. */
export interface World {
  namespaceChanged(name: string, namespace: Namespace | undefined): void;
  nodeChanged(name: string, node: Node | undefined): void;
  podChanged(key: string, pod: Pod | undefined): void;
  readonly read: ReadPod;
  /** The present state. Placements that a plan adds to it are gone from the next one. */
  snapshot(objects: SpreadingObjects): Snapshot;
}

function createWorld(): World {
  const namespaceLabels = new Map<string, Readonly<Record<string, string>>>();
  const read = createPodReader(namespaceLabels);
  const stored = new Map<string, Node>();
  const podsOn = new Map<string, Map<string, PodInfo>>();
  const nodeOf = new Map<string, string>();
  const byName = new Map<string, NodeInfo>();
  const imageSpread = new Map<string, number>();
  const withRequiredAntiAffinity = new Map<NodeInfo, PodInfo[]>();
  const withAffinity = new Map<NodeInfo, PodInfo[]>();
  /** Nodes whose info differs from the stored objects. */
  const stale = new Set<string>();
  let nodes: readonly NodeInfo[] = [];

  function countImages(node: NodeInfo, change: 1 | -1): void {
    for (const image of node.images.keys()) {
      const count = (imageSpread.get(image) ?? 0) + change;
      if (count > 0) imageSpread.set(image, count);
      else imageSpread.delete(image);
    }
  }

  function drop(name: string): void {
    const info = byName.get(name);
    if (!info) return;
    countImages(info, -1);
    withRequiredAntiAffinity.delete(info);
    withAffinity.delete(info);
    byName.delete(name);
  }

  function leave(key: string): void {
    const name = nodeOf.get(key);
    if (name === undefined) return;
    const pods = podsOn.get(name);
    pods?.delete(key);
    if (pods?.size === 0) podsOn.delete(name);
    nodeOf.delete(key);
    stale.add(name);
  }

  function build(snapshot: Snapshot, name: string): void {
    drop(name);
    const node = stored.get(name);
    if (!node) return;
    const info = toNodeInfo(node);
    countImages(info, 1);
    byName.set(name, info);
    for (const pod of podsOn.get(name)?.values() ?? []) place(snapshot, pod, info);
  }

  return {
    read,
    namespaceChanged(name, namespace) {
      if (namespace) namespaceLabels.set(name, namespace.metadata.labels ?? {});
      else namespaceLabels.delete(name);
    },
    nodeChanged(name, node) {
      if (node) stored.set(name, node);
      else stored.delete(name);
      stale.add(name);
    },
    podChanged(key, pod) {
      leave(key);
      const name = pod?.spec.nodeName;
      if (!pod || name === undefined || name === '' || isFinished(pod)) return;
      const pods = podsOn.get(name) ?? new Map<string, PodInfo>();
      podsOn.set(name, pods.set(key, read(pod)));
      nodeOf.set(key, name);
      stale.add(name);
    },
    snapshot(objects) {
      // The count shows what a plan has added since.
      for (const { name, pods } of nodes) if (pods.length !== (podsOn.get(name)?.size ?? 0)) stale.add(name);
      const snapshot = {
        nodes,
        byName,
        imageSpread,
        withRequiredAntiAffinity,
        withAffinity,
        namespaceLabels,
        storage: createStorage(objects.storage ?? NO_STORAGE),
        defaultSpreadSelector: spreadSelectors(objects),
      };
      if (stale.size === 0) return snapshot;
      for (const name of stale) build(snapshot, name);
      stale.clear();
      nodes = [...byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
      return { ...snapshot, nodes };
    },
  };
}

/** The world of these objects alone. */
export function worldOf({ namespaces, nodes, pods }: Omit<ClusterObjects, keyof SpreadingObjects>): World {
  const world = createWorld();
  for (const namespace of namespaces) world.namespaceChanged(namespace.metadata.name, namespace);
  for (const node of nodes) world.nodeChanged(node.metadata.name, node);
  for (const pod of pods) world.podChanged(keyOf(pod), pod);
  return world;
}

export const buildSnapshot = (objects: ClusterObjects): Snapshot => worldOf(objects).snapshot(objects);

/** Counts the pod on the node; the next pod of the batch sees it. */
export function place(snapshot: Snapshot, pod: PodInfo, node: NodeInfo): void {
  addTo(node, pod);
  if (pod.requiredAntiAffinity.length > 0) append(snapshot.withRequiredAntiAffinity, node, pod);
  const hasTerms =
    pod.requiredAffinity.length +
      pod.requiredAntiAffinity.length +
      pod.preferredAffinity.length +
      pod.preferredAntiAffinity.length >
    0;
  if (hasTerms) append(snapshot.withAffinity, node, pod);
}

/** A copy of the node without some of its pods. */
export function emptiedNode(node: NodeInfo, isGone: (pod: PodInfo) => boolean): NodeInfo {
  const emptied = toNodeInfo(node.node);
  for (const pod of node.pods) if (!isGone(pod)) addTo(emptied, pod);
  return emptied;
}

function addTo(node: NodeInfo, pod: PodInfo): void {
  node.pods.push(pod);
  for (const [resource, amount] of pod.requests)
    node.requested.set(resource, (node.requested.get(resource) ?? 0) + amount);
  node.nonZeroCpuMillis += pod.nonZeroCpuMillis;
  node.nonZeroMemoryBytes += pod.nonZeroMemoryBytes;
  for (const port of pod.hostPorts) node.usedPorts.push(port);
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
 * The built-in default spreading: a pod is spread against the pods that its Services and its
 * controlling ReplicaSet, ReplicationController or StatefulSet select; all of these together.
 */
function spreadSelectors({ services, replicaSets }: SpreadingObjects): Snapshot['defaultSpreadSelector'] {
  const selectorsIn = new Map<string, Record<string, string>[]>();
  for (const { metadata, spec } of services) {
    if (!spec.selector || Object.keys(spec.selector).length === 0) continue;
    const namespace = metadata.namespace ?? 'default';
    const list = selectorsIn.get(namespace);
    if (list) list.push(spec.selector);
    else selectorsIn.set(namespace, [spec.selector]);
  }
  const byUid = new Map(replicaSets.map((set) => [set.metadata.uid, set]));
  return ({ namespace, labels, ownerUid }) => {
    const selectors = (selectorsIn.get(namespace) ?? [])
      .map((matchLabels) => compileLabelSelector({ matchLabels }))
      .filter((selects) => selects(labels));
    const replicaSet = ownerUid === undefined ? undefined : byUid.get(ownerUid);
    if (replicaSet)
      selectors.push(compileLabelSelector(asLabelSelector(replicaSet, replicaSet.spec.selector)));
    return selectors.length === 0 ? undefined : (other) => selectors.every((selects) => selects(other));
  };
}
