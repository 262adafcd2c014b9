/**
 * The scheduler's view: nodes and pods reduced to the input of filters and scorers. A {@link
 * Snapshot} is private to a plan, and each placement of a batch is added to it. Everything in this
 * folder but `worker` is pure.
 */
import type {
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  PodSpec,
  StorageClass,
  Taint,
  Toleration,
} from '../schemas/types.ts';
import type { PodClaim } from '../schemas/volumes/pod-claims.ts';

/** Amounts by resource name; cpu in millicores, everything else in units or bytes. */
export type Amounts = ReadonlyMap<string, number>;

export interface HostPort {
  readonly ip: string;
  readonly protocol: string;
  readonly port: number;
}

/** A label selector that has been compiled to a predicate. */
export type LabelPredicate = (labels: Readonly<Record<string, string>>) => boolean;

/** A term of pod (anti-)affinity, ready to be evaluated against other pods. */
export interface AffinityTerm {
  readonly topologyKey: string;
  readonly matches: (candidate: PodInfo) => boolean;
  readonly weight: number;
}

export interface SpreadConstraint {
  readonly maxSkew: number;
  readonly topologyKey: string;
  readonly hard: boolean;
  readonly selects: LabelPredicate;
  /** As `selects`, but an empty selector counts no pod (upstream would match every pod). */
  readonly counts: LabelPredicate;
  readonly minDomains: number;
  readonly honorNodeAffinity: boolean;
  readonly honorTaints: boolean;
}

type Container = PodSpec['containers'][number];
type PlacementContainer = Partial<Pick<Container, 'image' | 'ports' | 'resources' | 'restartPolicy'>>;

/**
 * The members of a pod's spec that filters and scorers read, without the node's name, which each
 * pod has for itself. Other members, such as a token's volume with its own name, do not distinguish
 * pods of one template.
 */
export interface PlacementSpec
  extends Partial<
    Pick<
      PodSpec,
      | 'affinity'
      | 'nodeSelector'
      | 'overhead'
      | 'preemptionPolicy'
      | 'priority'
      | 'resources'
      | 'tolerations'
      | 'topologySpreadConstraints'
    >
  > {
  readonly containers: readonly PlacementContainer[];
  readonly initContainers: readonly PlacementContainer[];
}

export interface PodInfo {
  /** As stored. Decisions read only members that alike pods share, and its name, key and node. */
  readonly pod: Pod;
  readonly key: string;
  /** Pods with the same one differ in nothing that a filter or a scorer reads. */
  readonly classKey: string;
  readonly spec: PlacementSpec;
  readonly ownerUid: string | undefined;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly priority: number;
  readonly requests: Amounts;
  /** Requests, with 100m and 200Mi per container for missing ones: the input of load spreading. */
  readonly nonZeroCpuMillis: number;
  readonly nonZeroMemoryBytes: number;
  readonly hostPorts: readonly HostPort[];
  readonly claims: readonly PodClaim[];
  readonly tolerations: readonly Toleration[];
  readonly terminating: boolean;
  readonly requiredAffinity: readonly AffinityTerm[];
  readonly requiredAntiAffinity: readonly AffinityTerm[];
  readonly preferredAffinity: readonly AffinityTerm[];
  readonly preferredAntiAffinity: readonly AffinityTerm[];
}

export interface NodeInfo {
  readonly node: Node;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly Taint[];
  readonly unschedulable: boolean;
  readonly allocatable: Amounts;
  readonly maxPods: number;
  /** Image name → bytes. */
  readonly images: ReadonlyMap<string, number>;
  readonly pods: PodInfo[];
  readonly requested: Map<string, number>;
  nonZeroCpuMillis: number;
  nonZeroMemoryBytes: number;
  readonly usedPorts: HostPort[];
}

/** The stored objects, as filters ask for them. */
export interface StorageObjects {
  claim(key: string): PersistentVolumeClaim | undefined;
  volume(name: string): PersistentVolume | undefined;
  storageClass(name: string): StorageClass | undefined;
  /** Volumes that refer to the claim, and those of its class that are free. */
  candidates(claim: PersistentVolumeClaim): readonly PersistentVolume[];
  /** Volumes whose data lies on the node. */
  volumesOn(node: string): readonly PersistentVolume[];
  /** Claims that will get a volume on the node, and have none yet. */
  selectedFor(node: string): readonly PersistentVolumeClaim[];
}

/** Private to a plan; placements of a batch are added to it. */
export interface Storage extends StorageObjects {
  /** Whether another claim of this plan has got the volume. */
  isTaken(volume: PersistentVolume): boolean;
  /** Bytes that are left on the node for claims that have none of them yet. */
  room(node: NodeInfo): number;
  /** The node that the claim gets its volume on, if that is decided. */
  selectedNode(claim: PersistentVolumeClaim): string | undefined;
  /** The volume that the plan has given to the claim, for another pod that uses it. */
  givenTo(claim: PersistentVolumeClaim): PersistentVolume | undefined;
  /** Whether the plan itself has chosen the node of the claim. */
  hasSelected(claim: PersistentVolumeClaim): boolean;
  give(volume: PersistentVolume, claim: PersistentVolumeClaim): void;
  select(claim: PersistentVolumeClaim, node: NodeInfo): void;
}

export interface Snapshot {
  /** Sorted by name. */
  readonly nodes: readonly NodeInfo[];
  readonly byName: ReadonlyMap<string, NodeInfo>;
  /** Number of nodes that hold an image. */
  readonly imageSpread: ReadonlyMap<string, number>;
  /** Pods with required anti-affinity terms, by node; mostly none, and then the check is free. */
  readonly withRequiredAntiAffinity: Map<NodeInfo, PodInfo[]>;
  /** Pods with any affinity terms at all, by node. */
  readonly withAffinity: Map<NodeInfo, PodInfo[]>;
  readonly namespaceLabels: ReadonlyMap<string, Readonly<Record<string, string>>>;
  readonly storage: Storage;
  /** The selectors of its Services and its ReplicaSet, which spread a pod without constraints. */
  defaultSpreadSelector(pod: PodInfo): LabelPredicate | undefined;
}

/** `resolvable`: evicting lower-priority pods could help. */
export interface Refusal {
  readonly reasons: readonly string[];
  readonly resolvable: boolean;
}

/** Computed once per pod. */
export interface PreparedFilter {
  /** Asked once per node. */
  readonly refuse: (node: NodeInfo) => Refusal | undefined;
  /**
   * The answer about `node` if it held only the pods of `emptied`, which is the same node. Absent:
   * the filter reads nothing but the node, and the answer is `refuse(emptied)`.
   */
  readonly refuseEmptied?: (node: NodeInfo, emptied: NodeInfo) => Refusal | undefined;
  /** Only these nodes come into question; the others are not asked at all. */
  readonly onlyNodes?: ReadonlySet<string>;
}

/** `whole` refuses the pod on every node with one text. */
export type NodeFilter = PreparedFilter | { readonly whole: string };

export interface FilterPlugin {
  readonly name: string;
  /** Its answer depends on the pod and that node alone: valid until the node changes. */
  readonly local?: true;
  /** Undefined: the plugin has nothing to say about this pod. */
  prepare(pod: PodInfo, snapshot: Snapshot): NodeFilter | undefined;
}

export type NodeScore = (node: NodeInfo) => number;

/** Raw scores by node, in the order of the nodes given, already normalised to 0..100. */
export interface ScorePlugin {
  readonly name: string;
  readonly weight: number;
  /** For a score that depends on the pod and one node alone: valid until that node changes. */
  prepare?(pod: PodInfo, snapshot: Snapshot): NodeScore | undefined;
  /** Undefined: the plugin has nothing to say about this pod. */
  score(pod: PodInfo, nodes: readonly NodeInfo[], snapshot: Snapshot): readonly number[] | undefined;
}

export const MAX_NODE_SCORE = 100;
