/**
 * Objects for tests: sensible where a test does not care, and merged with what it does care about.
 */
import { stableStringify } from '../../src/base/json.ts';
import type { KubeObject, ObjectMeta } from '../../src/schemas/object.ts';
import type {
  ConfigMap,
  Deployment,
  Lease,
  Node,
  Pod,
  PodStatus,
  ReplicaSet,
  ReplicationController,
} from '../../src/schemas/types.ts';

type Meta = Partial<ObjectMeta>;

/** A uid that follows from the identity, so that equal calls build equal objects. */
function uidFor(kind: string, meta: Meta): string {
  return `uid-${kind.toLowerCase()}-${meta.name ?? 'x'}`;
}

function metadata(kind: string, name: string, meta: Meta, namespaced = true): ObjectMeta {
  return {
    name,
    ...(namespaced ? { namespace: 'default' } : {}),
    uid: uidFor(kind, { name, ...meta }),
    creationTimestamp: '2026-01-01T00:00:00Z',
    ...meta,
  };
}

export interface PodOptions extends Meta {
  readonly image?: string;
  readonly node?: string;
  readonly phase?: NonNullable<PodStatus['phase']>;
  readonly ready?: boolean;
  readonly readySince?: string;
  readonly restarts?: number;
  readonly spec?: Partial<Pod['spec']>;
  readonly status?: PodStatus;
}

/** A pending, unassigned pod with one container, unless told otherwise; `ready` implies Running. */
export function aPod(options: PodOptions = {}): Pod {
  const { image, node, phase, ready, readySince, restarts, spec, status, ...meta } = options;
  const lastTransitionTime = readySince ?? '2026-01-01T00:00:00Z';
  const condition = {
    type: 'Ready',
    status: ready ? ('True' as const) : ('False' as const),
    lastTransitionTime,
  };
  const containerStatus = {
    name: 'c',
    image: image ?? 'registry.example/app:1',
    imageID: '',
    ready: ready === true,
    restartCount: restarts ?? 0,
  };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: metadata('Pod', meta.name ?? 'web', meta),
    spec: {
      containers: [{ name: 'c', image: image ?? 'registry.example/app:1' }],
      ...(node ? { nodeName: node } : {}),
      ...spec,
    },
    status: {
      phase: phase ?? (ready ? 'Running' : 'Pending'),
      ...(ready === undefined ? {} : { conditions: [condition] }),
      ...(ready === undefined && restarts === undefined ? {} : { containerStatuses: [containerStatus] }),
      ...status,
    },
  };
}

export interface NodeOptions extends Meta {
  readonly ready?: boolean | 'Unknown';
  readonly taints?: NonNullable<Node['spec']['taints']>;
  readonly unschedulable?: boolean;
  readonly allocatable?: Record<string, string>;
  readonly spec?: Partial<Node['spec']>;
}

export function aNode(options: NodeOptions = {}): Node {
  const { ready, taints, unschedulable, allocatable, spec, ...meta } = options;
  const status = ready === 'Unknown' ? 'Unknown' : ready === false ? 'False' : 'True';
  const resources = allocatable ?? { cpu: '4', memory: '8Gi', pods: '110' };
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: metadata('Node', meta.name ?? 'n1', meta, false),
    spec: { ...(taints ? { taints } : {}), ...(unschedulable ? { unschedulable } : {}), ...spec },
    status: {
      allocatable: resources,
      capacity: resources,
      conditions: [
        { type: 'Ready', status, reason: 'KubeletReady', lastTransitionTime: '2026-01-01T00:00:00Z' },
      ],
    },
  };
}

export interface WorkloadOptions extends Meta {
  readonly replicas?: number;
  readonly image?: string;
  /** Labels of the template and of the selector. */
  readonly app?: string;
}

const templateOf = (app: string, image: string): NonNullable<ReplicaSet['spec']['template']> => ({
  metadata: { labels: { app } },
  spec: { containers: [{ name: 'c', image }] },
});

export function aDeployment(
  options: WorkloadOptions & {
    readonly spec?: Partial<Deployment['spec']>;
    readonly status?: NonNullable<Deployment['status']>;
  } = {},
): Deployment {
  const { replicas = 1, image = 'registry.example/app:1', app = 'web', spec, status, ...meta } = options;
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: metadata('Deployment', meta.name ?? 'web', { generation: 1, ...meta }),
    spec: {
      replicas,
      selector: { matchLabels: { app } },
      template: templateOf(app, image),
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } },
      revisionHistoryLimit: 10,
      progressDeadlineSeconds: 600,
      ...spec,
    },
    ...(status ? { status } : {}),
  };
}

export function aReplicaSet(
  options: WorkloadOptions & {
    readonly spec?: Partial<ReplicaSet['spec']>;
    readonly status?: NonNullable<ReplicaSet['status']>;
  } = {},
): ReplicaSet {
  const { replicas = 1, image = 'registry.example/app:1', app = 'web', spec, status, ...meta } = options;
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: metadata('ReplicaSet', meta.name ?? 'web', { generation: 1, ...meta }),
    spec: { replicas, selector: { matchLabels: { app } }, template: templateOf(app, image), ...spec },
    ...(status ? { status } : {}),
  };
}

export function aReplicationController(options: WorkloadOptions = {}): ReplicationController {
  const { replicas = 1, image = 'registry.example/app:1', app = 'web', ...meta } = options;
  return {
    apiVersion: 'v1',
    kind: 'ReplicationController',
    metadata: metadata('ReplicationController', meta.name ?? 'web', { generation: 1, ...meta }),
    spec: { replicas, selector: { app }, template: templateOf(app, image) },
  };
}

export function aConfigMap(options: Meta & { readonly data?: Record<string, string> } = {}): ConfigMap {
  const { data, ...meta } = options;
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: metadata('ConfigMap', meta.name ?? 'config', meta),
    ...(data ? { data } : {}),
  };
}

export function aLease(
  options: Meta & { readonly renewTime?: string; readonly holder?: string } = {},
): Lease {
  const { renewTime = '2026-01-01T00:00:00.000000Z', holder, ...meta } = options;
  return {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: metadata('Lease', meta.name ?? 'n1', { namespace: 'kube-node-lease', ...meta }),
    spec: { holderIdentity: holder ?? meta.name ?? 'n1', leaseDurationSeconds: 40, renewTime },
  };
}

/** The object with `owner` as its controller. */
export function ownedBy<T extends KubeObject>(
  owner: KubeObject,
  object: T,
  reference: { readonly controller?: boolean; readonly blockOwnerDeletion?: boolean } = {
    controller: true,
    blockOwnerDeletion: true,
  },
): T {
  const { apiVersion, kind } = owner;
  const { name, uid = '' } = owner.metadata;
  const ownerReferences = [
    ...(object.metadata.ownerReferences ?? []),
    { apiVersion, kind, name, uid, ...reference },
  ];
  return { ...object, metadata: { ...object.metadata, ownerReferences } };
}

/** A deep-frozen copy, so that code which mutates its input is found out. */
export function frozen<T>(value: T): T {
  const copy = JSON.parse(stableStringify(value)) as T;
  const freeze = (item: unknown): void => {
    if (typeof item !== 'object' || item === null) return;
    Object.freeze(item);
    Object.values(item).forEach(freeze);
  };
  freeze(copy);
  return copy;
}
