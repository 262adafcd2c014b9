/** The contexts and answers of the strategy's functions. */
import type { KubeObject } from '../object.ts';
import type { ResourceKind, Subresource } from '../resource-kind.ts';

export interface CreateContext {
  readonly nowMs: number;
  readonly uid: string;
  /** Five characters for `generateName`. */
  readonly nameSuffix: string;
}

export interface UpdateContext {
  readonly nowMs: number;
  readonly subresource?: Subresource;
}

/** `metav1.DeleteOptions`, the part that decides. */
export interface DeleteOptions {
  readonly gracePeriodSeconds?: number;
  readonly propagationPolicy?: 'Foreground' | 'Background' | 'Orphan';
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
}

/**
 * The plan of a delete: the object is removed now, or it is marked and waits for its finalizers or
 * its agent, or nothing changes because it is already being deleted. `object` of a removal is the
 * last state, where that differs from the stored one (a pod shows its deletion).
 */
export type DeletePlan =
  | { readonly action: 'remove'; readonly object?: KubeObject }
  | { readonly action: 'mark'; readonly object: KubeObject }
  | { readonly action: 'none' };

export type PrepareCreate = (kind: ResourceKind, input: KubeObject, context: CreateContext) => KubeObject;
export type PrepareUpdate = (
  kind: ResourceKind,
  current: KubeObject,
  next: KubeObject,
  context: UpdateContext,
) => KubeObject;
export type PlanDelete = (
  kind: ResourceKind,
  current: KubeObject,
  options: DeleteOptions,
  nowMs: number,
) => DeletePlan;
