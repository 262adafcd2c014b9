/**
 * Admission: what the server adds to an object or refuses, between decoding and validation. Each rule is a value in one
 * ordered list; it gets an object with its defaults filled in and answers with the object to go on with.
 */
import type { KubeObject } from '../../../schemas/object.ts';
import type { ResourceKind } from '../../../schemas/resource-kind.ts';
import type { Snapshots } from '../snapshots.ts';
import type { RequestContext } from '../types.ts';

export interface AdmissionRequest {
  readonly kind: ResourceKind;
  readonly operation: 'create' | 'update';
  readonly object: KubeObject;
  /** The stored object, for updates. */
  readonly current?: KubeObject;
  readonly context: RequestContext;
}

export interface AdmissionDependencies {
  readonly snapshots: Snapshots;
}

export interface AdmissionRule {
  readonly name: string;
  applies(request: AdmissionRequest): boolean;
  admit(request: AdmissionRequest, dependencies: AdmissionDependencies): Promise<KubeObject>;
}
