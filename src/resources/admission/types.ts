/**
 * Admission: what the server adds to an object or refuses, between decoding and validation. Each
 * rule is a value in one ordered list; it gets an object with its defaults filled in and answers
 * with the object to go on with.
 *
 * The same list runs for requests, and for what controllers and the sync worker write (`internal`).
 */
import type { KubeObject } from '../../schemas/object.ts';
import type { Author } from '../../schemas/applications/application-author.ts';
import type { EventInput } from '../../client/plan-event.ts';
import type { PodSecurityLevel } from '../../schemas/pod-security/types.ts';
import type { ResourceKind, Subresource } from '../../schemas/resource-kind.ts';
import type { Snapshots } from '../reading/snapshots.ts';
import type { RequestContext } from '../types.ts';

export interface AdmissionRequest {
  readonly kind: ResourceKind;
  readonly operation: 'create' | 'update';
  /** Only subresources that change what runs come here: ephemeralcontainers, resize. */
  readonly subresource?: Subresource | undefined;
  readonly object: KubeObject;
  /** The stored object, for updates. */
  readonly current?: KubeObject | undefined;
  readonly context: RequestContext;
  /** Nothing will be written. */
  readonly dryRun?: boolean;
  /** Written by a part of the control plane, not by a request. */
  readonly internal: boolean;
  /** The author of the Application whose sync writes; see application-author.ts. */
  readonly author?: Author | undefined;
}

type ResourceName = Pick<ResourceKind, 'group' | 'plural'>;

export interface AdmissionPolicy {
  /** The Pod Security level of namespaces without a label. */
  readonly defaultPodSecurity: PodSecurityLevel;
  /** Networks whose addresses Services may take by `externalIPs`. Default: none. */
  readonly allowedExternalIps?: readonly string[];
  /** How long pods that do not say so stay bound to a node in such a state. Absent: 300 s. */
  readonly tolerationSeconds?: { readonly notReady: number; readonly unreachable: number };
}

export interface AdmissionDependencies {
  readonly snapshots: Snapshots;
  readonly policy: AdmissionPolicy;
  readonly nowMs: () => number;
  /** Records an event about an object; never fails. */
  readonly tell: (event: EventInput) => void;
  /**
   * An object that the rule depends on: out of the commit that the change is part of, or out of the
   * cache; for one that is missing the cache is refreshed, as it may be a moment behind.
   */
  find(resource: ResourceName, key: string): Promise<KubeObject | undefined>;
  /** The objects of a namespace or the cluster, with all that was committed before the call. */
  list(resource: ResourceName, namespace: string | undefined): Promise<readonly KubeObject[]>;
}

/** A request that deletes an object. */
export interface Removal extends Pick<AdmissionRequest, 'kind' | 'object' | 'context'> {
  readonly dryRun: boolean;
  readonly evicts?: boolean;
}

/** A request that has changed or deleted `object`. */
export interface Done extends Removal {
  /** The object afterwards; undefined where it was deleted. */
  readonly next: KubeObject | undefined;
}

export interface AdmissionRule {
  readonly name: string;
  /** Guards what the writer may grant: it also holds for the author of a sync. */
  readonly guardsRights?: boolean;
  /** Subresources of requests that only this rule reviews, such as a status. */
  readonly alsoFor?: readonly Subresource[];
  applies(request: AdmissionRequest): boolean;
  admit(request: AdmissionRequest, dependencies: AdmissionDependencies): Promise<KubeObject>;
  /** Throws the refusal of a deletion. */
  mayRemove?(removal: Removal): void;
  /** Called when a change or deletion is done, or would be: tells the client about it. */
  done?(done: Done, dependencies: Pick<AdmissionDependencies, 'tell'>): void;
}
