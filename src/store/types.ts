/**
 * The store's contract: a small etcd. Two adapters, memory and Redis, pass one suite (test/contracts/store.ts).
 *
 * Versions: every change gets its own `resourceVersion`, an integer that strictly increases over the whole store
 * and never goes back, not even after the data is lost: max(last + 1, the store's clock in microseconds).
 * Objects handed out are shared and must not be mutated.
 */
import type { KubeObject } from '../schemas/object.ts';
import type { ResourceId } from '../schemas/resource-kind.ts';

export interface CreateOp {
  readonly type: 'create';
  readonly resource: ResourceId;
  /** `namespace/name` or `name`; see `objectKey`. */
  readonly key: string;
  readonly object: KubeObject;
}
export interface UpdateOp {
  readonly type: 'update';
  readonly resource: ResourceId;
  readonly key: string;
  readonly object: KubeObject;
  readonly expectedVersion: string;
}
export interface DeleteOp {
  readonly type: 'delete';
  readonly resource: ResourceId;
  readonly key: string;
  readonly expectedVersion: string;
}
/** Fails the commit unless the object is at this version (`undefined`: unless it does not exist). Changes nothing. */
export interface CheckOp {
  readonly type: 'check';
  readonly resource: ResourceId;
  readonly key: string;
  readonly expectedVersion: string | undefined;
}
export type StoreOp = CreateOp | UpdateOp | DeleteOp | CheckOp;

/** A leader's right to write: the commit is refused once another holder has the lease. */
export interface Fence {
  readonly lease: string;
  readonly token: number;
}

export interface CommitOptions {
  readonly fence?: Fence;
}

/** The objects as stored (with their new `resourceVersion`), one per op; for deletes the last state, for checks undefined. */
export interface CommitResult {
  readonly objects: readonly (KubeObject | undefined)[];
  /** The store's version after the commit. */
  readonly version: string;
}

export type WatchEventType = 'ADDED' | 'MODIFIED' | 'DELETED';

export interface StoreEvent {
  readonly type: WatchEventType;
  readonly resource: ResourceId;
  readonly key: string;
  /** For DELETED the last state, carrying the deletion's version. */
  readonly object: KubeObject;
  readonly version: string;
}

export interface ListResult {
  /** Sorted by key. */
  readonly objects: readonly KubeObject[];
  /** A watch from this version misses nothing. */
  readonly version: string;
}

export interface HeldLease {
  readonly token: number;
  readonly expiresAtMs: number;
}

export interface Store extends AsyncDisposable {
  /** All or nothing. Throws {@link CommitRefused}, or {@link FenceLost}. */
  commit(ops: readonly StoreOp[], options?: CommitOptions): Promise<CommitResult>;
  get(resource: ResourceId, key: string): Promise<KubeObject | undefined>;
  list(resource: ResourceId): Promise<ListResult>;
  /**
   * Every change of the resource after `fromVersion`, in order, without a gap, until `signal` aborts.
   * Throws {@link Gone} when `fromVersion` is older than the change log, newer than the store, or of another epoch.
   */
  watch(resource: ResourceId, fromVersion: string, signal: AbortSignal): AsyncIterable<StoreEvent>;
  /**
   * The version of the newest change of this resource, and of the whole store: a cache that has seen the first may
   * answer as of the second.
   */
  versions(resource: ResourceId): Promise<{ readonly resource: string; readonly store: string }>;
  /** Created with the data; another value means that history was lost (docs/INVARIANTS.md, "rebuild before destroy"). */
  epoch(): Promise<string>;
  /** Takes or renews a lease; undefined while somebody else holds it. The token grows with every change of holder. */
  acquireLease(lease: string, holder: string, ttlMs: number): Promise<HeldLease | undefined>;
  releaseLease(lease: string, holder: string): Promise<void>;
}

export type RefusalReason = 'exists' | 'missing' | 'stale' | 'tooLarge';

/** One op of a commit did not meet its expectation; nothing was written. */
export class CommitRefused extends Error {
  override readonly name = 'CommitRefused';
  readonly reason: RefusalReason;
  readonly opIndex: number;
  readonly op: StoreOp;
  readonly actualVersion: string | undefined;

  constructor(reason: RefusalReason, opIndex: number, op: StoreOp, actualVersion?: string) {
    super(`Cannot commit ${op.type} of ${op.resource} "${op.key}": ${reason}`);
    this.reason = reason;
    this.opIndex = opIndex;
    this.op = op;
    this.actualVersion = actualVersion;
  }
}

/** The leader's lease has passed to somebody else; the writer must stop leading. */
export class FenceLost extends Error {
  override readonly name = 'FenceLost';
}

/** HTTP 410: list again. */
export class Gone extends Error {
  override readonly name = 'Gone';
}

/** The store cannot be reached or refuses writes (out of memory, disk full); what is being done must be retried. */
export class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable';
}
