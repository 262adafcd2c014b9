/**
 * A client of the Kubernetes-style API: over http, or in process (simulation, tests). Every method
 * throws the server's StatusError, or TransientError if the server was not reached.
 */
import type { KubeObject } from '../schemas/object.ts';
import type { StatusError } from '../schemas/errors/status.ts';
import type { Subresource } from '../schemas/resource-kind.ts';
import type { DeleteOptions } from '../schemas/strategy/index.ts';

/** A resource as in a URL: `{ group: '', version: 'v1', plural: 'pods' }`. */
export interface ResourcePath {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
}

export interface ListOptions {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly limit?: number;
  readonly continue?: string;
}

export interface ObjectList<T> {
  readonly items: readonly T[];
  readonly resourceVersion: string;
  readonly continue?: string;
}

export interface ClientWatchEvent<T> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  readonly object: T;
}

export type PatchType =
  | 'application/merge-patch+json'
  | 'application/strategic-merge-patch+json'
  | 'application/json-patch+json';

/** Condition of the control plane's data; see ClusterState in the store's contract. */
export interface ClusterCondition {
  readonly epoch: string;
  readonly phase: 'normal' | 'rebuilding';
}

/** Objects in one report: some tens of milliseconds of the server's event loop. */
export const MAX_REPORTED = 100;

/** A reported pod that was not restored. */
export interface WaitingPod {
  readonly pod: string;
  readonly reason: string;
}

export interface ApiClient {
  get<T extends KubeObject>(resource: ResourcePath, namespace: string | undefined, name: string): Promise<T>;
  list<T extends KubeObject>(resource: ResourcePath, options?: ListOptions): Promise<ObjectList<T>>;
  /** Ends with the server or `signal`; throws StatusError 410 if the version is gone. */
  watch<T extends KubeObject>(
    resource: ResourcePath,
    options: ListOptions & { readonly resourceVersion: string; readonly signal: AbortSignal },
  ): AsyncIterable<ClientWatchEvent<T>>;
  /** With a subresource, of the object that `object` names: a Binding, a TokenRequest. */
  create<T extends KubeObject>(resource: ResourcePath, object: T, subresource?: Subresource): Promise<T>;
  update<T extends KubeObject>(resource: ResourcePath, object: T, subresource?: Subresource): Promise<T>;
  patch<T extends KubeObject>(
    resource: ResourcePath,
    namespace: string | undefined,
    name: string,
    patch: unknown,
    options?: { readonly type?: PatchType; readonly subresource?: Subresource },
  ): Promise<T>;
  delete(
    resource: ResourcePath,
    namespace: string | undefined,
    name: string,
    options?: DeleteOptions,
  ): Promise<void>;
  /** `GET /apis/symphony.dev/v1/clusterstate`. */
  clusterState(): Promise<ClusterCondition>;
  /**
   * `POST /apis/symphony.dev/v1/nodes/NODE/restore`: tells a control plane that lost its data which
   * pods run here. Unknown pods are recreated with their uid, node and status, without owners
   * (controllers adopt them). The answer names the others, which lack a proof or are not allowed:
   * they wait for Git.
   */
  restorePods(node: string, pods: readonly KubeObject[]): Promise<readonly WaitingPod[]>;
  /**
   * `POST /apis/symphony.dev/v1/nodes/NODE/report`: the statuses of pods (by name and uid) and new
   * Events, at most {@link MAX_REPORTED}. Answers why each was refused; undefined: it was taken.
   */
  report(node: string, objects: readonly KubeObject[]): Promise<readonly (StatusError | undefined)[]>;
}

/** The resources that agents and the CLI name most. */
export const resources = {
  pods: { group: '', version: 'v1', plural: 'pods' },
  nodes: { group: '', version: 'v1', plural: 'nodes' },
  events: { group: '', version: 'v1', plural: 'events' },
  configMaps: { group: '', version: 'v1', plural: 'configmaps' },
  secrets: { group: '', version: 'v1', plural: 'secrets' },
  services: { group: '', version: 'v1', plural: 'services' },
  serviceAccounts: { group: '', version: 'v1', plural: 'serviceaccounts' },
  persistentVolumes: { group: '', version: 'v1', plural: 'persistentvolumes' },
  persistentVolumeClaims: { group: '', version: 'v1', plural: 'persistentvolumeclaims' },
  runtimeClasses: { group: 'node.k8s.io', version: 'v1', plural: 'runtimeclasses' },
  leases: { group: 'coordination.k8s.io', version: 'v1', plural: 'leases' },
  applications: { group: 'argoproj.io', version: 'v1alpha1', plural: 'applications' },
} as const satisfies Record<string, ResourcePath>;
