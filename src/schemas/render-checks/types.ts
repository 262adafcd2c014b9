/** The input of the checks of a render: valid objects of one source, and the known cluster. */
import type { KubeObject } from '../object.ts';
import type { PodSecurityLevel } from '../pod-security/types.ts';
import type { ResourceId, ResourceKind } from '../resource-kind.ts';

export interface RenderObject {
  readonly kind: ResourceKind;
  /** With its namespace filled in. */
  readonly object: KubeObject;
}

/** A warning: the object may be applied, but something is likely to go wrong at run time. */
export interface RenderWarning<Item extends RenderObject = RenderObject> {
  /** Whether pods cannot start because of it. */
  readonly stopsPods: boolean;
  readonly item: Item;
  readonly path: string;
  readonly message: string;
  readonly hint?: string;
}

/** One object that others refer to. */
export interface Target {
  readonly resource: ResourceId;
  readonly namespace: string | undefined;
  readonly name: string;
}

/** The live objects beside the render. Undefined where nobody was asked, or may ask. */
export interface ClusterView {
  /** `unknown`: it could not be asked for. */
  find(target: Target): KubeObject | 'unknown' | undefined;
  /** The pods of a namespace. */
  podsIn(namespace: string): readonly KubeObject[] | 'unknown';
}

export interface RenderCheckOptions {
  /** For namespaces without a label of their own. */
  readonly defaultPodSecurity: PodSecurityLevel;
  readonly cluster?: ClusterView | undefined;
  /** Objects with errors beside the valid ones: they exist, but their content is unreliable. */
  readonly refused?: readonly KubeObject[];
}
