/** A plan is writes and checks: one commit, all or nothing. An actor makes the plan happen. */
import type { Author } from '../../schemas/applications/application-author.ts';
import type { KubeObject } from '../../schemas/object.ts';
import type { ResourceKind, Subresource } from '../../schemas/resource-kind.ts';
import type { DeleteOptions } from '../../schemas/strategy/index.ts';
import type { CommitOptions } from '../../store/types.ts';
import type { FieldOwner } from '../managed-fields/managers.ts';
import type { RequestContext, UserInfo } from '../types.ts';

export interface UpdateWrite {
  readonly verb: 'update';
  /** Its `metadata.resourceVersion`, if any, is the version that is expected. */
  readonly object: KubeObject;
  readonly subresource?: Subresource | undefined;
  /** The stored object at the version of `object`, where it is known: it is not read again. */
  readonly seen?: KubeObject;
  /** Makes the new object of the stored one, for each try. Then `object` only names it. */
  readonly change?: (current: KubeObject) => KubeObject;
  /** Makes the object where none is stored. The actor then needs the right to create it. */
  readonly create?: (() => KubeObject) | undefined;
  /** Is recorded as the owner of what changes. Absent: nothing is recorded. */
  readonly owner?: FieldOwner | undefined;
}

export interface DeleteWrite {
  readonly verb: 'delete';
  readonly object: KubeObject;
  readonly options?: DeleteOptions;
  readonly subresource?: 'eviction';
  /** Its time to live is over: removed at this version, whatever finalizers it has. */
  readonly isExpired?: true;
  /** Leaves a last word in an object that stays for its grace. */
  readonly mark?: (current: KubeObject) => KubeObject;
}

export type Write =
  | {
      readonly verb: 'create';
      readonly object: KubeObject;
      /** Chosen by the plan where another write of the commit names the object. */
      readonly uid?: string;
    }
  | UpdateWrite
  | DeleteWrite
  /**
   * Stores the object as it is, uid and status included, with a new proof of its placement. An
   * object with a version replaces that version; one without is created.
   */
  | { readonly verb: 'restore'; readonly object: KubeObject };

export const subresourceOf = (write: Write): Subresource | undefined =>
  write.verb === 'update' || write.verb === 'delete' ? write.subresource : undefined;

/** Something that a plan was made from. The plan fails with Conflict where it no longer holds. */
export interface Check {
  readonly expect: 'unchanged' | 'absent';
  /** As it was seen; for `absent`, its kind and name. */
  readonly object: KubeObject;
}

export const unchanged = (object: KubeObject): Check => ({ expect: 'unchanged', object });
export const absent = (object: KubeObject): Check => ({ expect: 'absent', object });

export interface WritePlan {
  readonly writes: readonly Write[];
  /** Part of the commit: none of the writes happens unless all of these hold. */
  readonly checks?: readonly Check[];
}

/** Acts on objects: a caller of the API, or a part of the control plane. */
export interface Actor {
  readonly user: UserInfo;
  /** The request that writes. Absent for the control plane's own parts, which nobody can warn. */
  readonly request?: RequestContext;
  /** The author of the Application whose sync writes. */
  readonly author?: Author;
  /** Confines a sync to this namespace, and to what `author` may do. */
  readonly confinedTo?: string;
}

export interface WriteCall extends Pick<CommitOptions, 'fence'> {
  readonly actor: Actor;
  /** Goes the same way and stops before the commit. */
  readonly dryRun?: boolean;
  readonly signal?: AbortSignal;
}

export type WriteResults = readonly (KubeObject | undefined)[];

/** One object that is about to be created or updated, as admission and quotas see it. */
export interface ObjectChange {
  readonly kind: ResourceKind;
  readonly operation: 'create' | 'update';
  readonly object: KubeObject;
  /** The stored object, for updates. */
  readonly current?: KubeObject | undefined;
  readonly subresource?: Subresource | undefined;
}

/** The writer in the hands of one actor. Its methods throw StatusError with Kubernetes' reasons. */
export interface BoundWriter {
  get(kind: ResourceKind, key: string): Promise<KubeObject>;
  /**
   * All writes in one commit; the results are in order. A no-op update is left out of the commit.
   * An update without a version is unconditional: it is planned again after a lost race.
   */
  write(plan: WritePlan, options?: Omit<WriteCall, 'actor'>): Promise<WriteResults>;
  /** Why the actor may not do each of these writes; undefined where it may. Nothing is written. */
  refusals(writes: readonly Write[]): Promise<readonly (string | undefined)[]>;
}
