/**
 * What stands between a planned write and its commit beyond the rules of the kind: policy (limits, priorities, security
 * standards) and quotas. resources/admission implements it; whoever writes through {@link Objects} passes it.
 */
import type { KubeObject } from '../../schemas/object.ts';
import type { ResourceKind, Subresource } from '../../schemas/resource-kind.ts';
import type { StoreOp } from '../../store/types.ts';

/** One object that is about to be created or updated. */
export interface ObjectChange {
  readonly kind: ResourceKind;
  readonly operation: 'create' | 'update';
  readonly object: KubeObject;
  /** The stored object, for updates. */
  readonly current?: KubeObject | undefined;
  readonly subresource?: Subresource | undefined;
}

export interface WriteAdmission {
  /**
   * The objects as they are to be written, in order; rejects with the refusal of the first that may not be. All changes of
   * a commit come together: a pod may be created with its namespace. Absent where the caller has asked already.
   */
  readonly review?: (changes: readonly ObjectChange[]) => Promise<readonly KubeObject[]>;
  /**
   * Calls `commit` with the ops that take what the changes use from the quotas that apply; they belong into the same
   * commit, in front. Rejects where a quota is exceeded. A lost race for a claim is tried again by calling this again.
   * `written` are the objects (`resource key`) that the commit itself writes: no claim may touch them.
   */
  readonly claim: <T>(
    changes: readonly ObjectChange[],
    written: ReadonlySet<string>,
    commit: (claims: readonly StoreOp[]) => Promise<T>,
  ) => Promise<T>;
}
