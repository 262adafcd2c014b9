/**
 * The store's contract: a small etcd. The Redis adapter and the test double pass one suite
 * (test/contracts/store.ts).
 *
 * Versions: every change gets its own `resourceVersion`, an integer that strictly increases over
 * the whole store and never goes back, not even after the data is lost: max(last + 1, the store's
 * clock in microseconds). Objects handed out are shared and must not be mutated.
 */
import type { Eventually } from '../base/eventually.ts';
import type { KubeObject } from '../schemas/object.ts';
import type { ResourceId } from '../schemas/resource-kind.ts';

export interface CreateOp {
  readonly type: 'create';
  readonly resource: ResourceId;
  /** `namespace/name` or `name`; see `objectKey`. */
  readonly key: string;
  readonly object: KubeObject;
  /** The rules of its kind have filled and checked the object: to read it again changes nothing. */
  readonly isSound?: true;
}
export interface UpdateOp {
  readonly type: 'update';
  readonly resource: ResourceId;
  readonly key: string;
  readonly object: KubeObject;
  readonly isSound?: true;
  readonly expectedVersion: string;
}
export interface DeleteOp {
  readonly type: 'delete';
  readonly resource: ResourceId;
  readonly key: string;
  readonly expectedVersion: string;
}
/** Fails the commit unless the object is at this version, or absent where it is undefined. */
export interface CheckOp {
  readonly type: 'check';
  readonly resource: ResourceId;
  readonly key: string;
  readonly expectedVersion: string | undefined;
}
export type StoreOp = CreateOp | UpdateOp | DeleteOp | CheckOp;

/** A leader's right to write: the commit is refused once its lease has expired or passed on. */
export interface Fence {
  readonly lease: string;
  readonly token: number;
}

export interface CommitOptions {
  readonly fence?: Fence;
  /**
   * Names the commit. A repeated id changes nothing and gets the first result, so that a caller
   * asks for a lost answer by committing again. Remembered for COMMIT_MEMORY_MS (limits.ts).
   */
  readonly id?: string;
}

/**
 * The objects as stored, one per op: the last state for deletes (undefined where it cannot be
 * read), undefined for checks.
 */
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
  /** Characters of the object as text, to bound what is kept of it. */
  readonly size: number;
  /** This process has written it as sound. */
  readonly isSound?: true;
}

/** A change that cannot be read. It has its place in the order of changes. */
export interface UnreadableChange {
  readonly type: 'UNREADABLE';
  readonly resource: ResourceId;
  readonly key: string;
  /** The object is gone; only its last state cannot be read. */
  readonly isDeletion: boolean;
  readonly version: string;
}
export type StoreChange = StoreEvent | UnreadableChange;

export interface ListResult {
  /** Sorted by key. */
  readonly objects: readonly KubeObject[];
  /** Keys of objects that are there and cannot be read; absent where there are none. */
  readonly unreadable?: readonly string[];
  /** A watch from this version misses nothing. */
  readonly version: string;
}

/**
 * Identity and condition of the data. `epoch` is created with the data; another value, or none,
 * means that history was lost. While `rebuilding`, nothing is stopped, evicted or pruned
 * (docs/INVARIANTS.md, "rebuild before destroy").
 */
export interface ClusterState {
  readonly epoch: string;
  readonly phase: 'normal' | 'rebuilding';
}

export interface StatePosition extends ClusterState {
  readonly version: string;
}

/** The newest version of one resource, and of the whole store. */
export interface Versions {
  readonly resource: string;
  readonly store: string;
}

export interface HeldLease {
  readonly token: number;
  /** On the store's clock; a holder measures its own time instead. */
  readonly expiresAtMs: number;
}

export interface Store extends AsyncDisposable {
  /**
   * Throws {@link CommitRefused}, {@link FenceLost}, {@link EpochChanged}, {@link
   * StoreUnavailable}.
   */
  commit(ops: readonly StoreOp[], options?: CommitOptions): Promise<CommitResult>;
  get(resource: ResourceId, key: string): Promise<KubeObject | undefined>;
  /** As `get`, for many keys at once; the results are in the order of the keys. */
  getMany(resource: ResourceId, keys: readonly string[]): Promise<readonly (KubeObject | undefined)[]>;
  list(resource: ResourceId): Promise<ListResult>;
  /**
   * Every change of the resource after `fromVersion`, in order, without a gap, until `signal`
   * aborts. A change that cannot be read is passed on as such: what comes after it is waited for
   * all the same. Throws {@link Gone} when `fromVersion` is older than the change log, newer than
   * the store, or of another epoch, and when the consumer falls too far behind; {@link
   * EpochChanged} when the data is no longer what was opened.
   */
  watch(resource: ResourceId, fromVersion: string, signal: AbortSignal): AsyncIterable<StoreChange>;
  /** The newest version of the resource, and of the store: the first may answer for both. */
  versions(resource: ResourceId): Eventually<Versions>;
  /** Undefined when there is no data (a first start, or history was lost). */
  clusterState(): Promise<ClusterState | undefined>;
  /**
   * The cluster state with the newest version, in one read that leaves no trace in the store.
   * Throws {@link EpochChanged} when the data is of the epoch that was opened and has lost changes.
   */
  checkState(): Promise<StatePosition | undefined>;
  /** When this adapter last held a lease, by its own clock: the store took writes then. */
  readonly leasedAtMs: number;
  /**
   * Compare and set; false when `expected` is not what is there. When true, the adapter goes on
   * under the epoch of `next`: after another process has renewed the epoch, `setClusterState(state,
   * state)` accepts it.
   */
  setClusterState(next: ClusterState, expected: ClusterState | undefined): Promise<boolean>;
  /** Undefined while somebody else holds it. The token grows with every change of holder. */
  acquireLease(lease: string, holder: string, ttlMs: number): Promise<HeldLease | undefined>;
  releaseLease(lease: string, holder: string): Promise<void>;
}

/** `newer`: a later program has stored the object; an update would lose what it knows. */
export type RefusalReason = 'exists' | 'missing' | 'stale' | 'tooLarge' | 'newer';

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

/**
 * The data is not the data that this adapter was opened on, or is gone, or has lost changes that
 * the adapter has seen. Every commit, read and watch is refused with this (an empty list would look
 * like "delete everything") until `setClusterState` succeeds. Data without a cluster state takes no
 * commits.
 */
export class EpochChanged extends Error {
  override readonly name = 'EpochChanged';
}

/** The leader's lease has passed to somebody else; the writer must stop leading. */
export class FenceLost extends Error {
  override readonly name = 'FenceLost';
}

/** HTTP 410: list again. */
export class Gone extends Error {
  override readonly name = 'Gone';
}

/** The store cannot be reached or refuses writes (memory, disk full): try again. */
export class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable';
  /** The store answers, and takes no writes. */
  readonly isReadOnly: boolean;
  /** The command may have been done, or may yet be. Read `versions`, then the cache. */
  readonly isUnanswered: boolean;

  constructor(
    message: string,
    options: ErrorOptions & { readonly isReadOnly?: boolean; readonly isUnanswered?: boolean } = {},
  ) {
    super(message, options);
    this.isReadOnly = options.isReadOnly ?? false;
    this.isUnanswered = options.isUnanswered ?? false;
  }
}
