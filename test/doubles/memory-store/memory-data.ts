/**
 * The data behind the memory adapter, apart from any adapter: it outlives them (a restarted control
 * plane opens it again) and can be wiped (a lost datastore). Single-threaded, so every function
 * here is one atomic step.
 */
import type { Clock } from '../../../src/base/clock.ts';
import type { KubeObject } from '../../../src/schemas/object.ts';
import type { ResourceId } from '../../../src/schemas/resource-kind.ts';
import {
  COMMIT_MEMORY_MS,
  DEFAULT_LOG_BYTES,
  DEFAULT_LOG_LIMIT,
  LOG_SLACK,
} from '../../../src/store/limits.ts';
import type { ClusterState, CommitResult, StoreEvent } from '../../../src/store/types.ts';

export interface MemoryResource {
  readonly objects: Map<string, KubeObject>;
  readonly log: StoreEvent[];
  /** The bytes of all changes of the log. */
  bytes: number;
  last: number;
  /** Watches from before this version have a gap. */
  floor: number;
}

export interface MemoryLease {
  holder: string;
  token: number;
  expiresAtMs: number;
}

export interface MemoryData {
  readonly clock: Clock;
  readonly logLimit: number;
  readonly logBytes: number;
  /** By the id of the commit, oldest first. */
  readonly commits: Map<string, { readonly result: CommitResult; readonly atMs: number }>;
  readonly resources: Map<ResourceId, MemoryResource>;
  /** The storage versions of objects that are above 1. */
  readonly storageVersions: WeakMap<KubeObject, number>;
  readonly leases: Map<string, MemoryLease>;
  /** Told about every change, and (without an event) that the state of the data changed. */
  readonly listeners: Set<(event: StoreEvent | undefined) => void>;
  state: ClusterState | undefined;
  last: number;
  /** The version at which the epoch began; older ones belong to another. */
  epochFloor: number;
  /**
   * Microseconds of the clock, made to pass with every change: a simulated clock may stand still.
   * Survives a wipe.
   */
  micros: number;
}

export interface MemoryDataOptions {
  readonly clock: Clock;
  readonly logLimit?: number;
  readonly logBytes?: number;
}

export function createMemoryData(options: MemoryDataOptions): MemoryData {
  return {
    clock: options.clock,
    logLimit: options.logLimit ?? DEFAULT_LOG_LIMIT,
    logBytes: options.logBytes ?? DEFAULT_LOG_BYTES,
    commits: new Map(),
    resources: new Map(),
    storageVersions: new WeakMap(),
    leases: new Map(),
    listeners: new Set(),
    state: undefined,
    last: 0,
    epochFloor: 0,
    micros: 0,
  };
}

/** Everything is lost, as by FLUSHALL. */
export function wipeMemoryData(data: MemoryData): void {
  data.resources.clear();
  data.leases.clear();
  data.commits.clear();
  data.state = undefined;
  data.last = 0;
  data.epochFloor = 0;
  for (const listener of [...data.listeners]) listener(undefined);
}

/** The version of the next change: `max(last + 1, clock in microseconds)`, and past `floor`. */
export function nextVersion(data: MemoryData, floor: number): number {
  data.micros = Math.max(data.micros + 1, Math.floor(data.clock.now() * 1000));
  data.last = Math.max(data.last + 1, data.micros, floor + 1);
  return data.last;
}

export function memoryResource(data: MemoryData, resource: ResourceId): MemoryResource {
  let found = data.resources.get(resource);
  if (!found) {
    found = { objects: new Map(), log: [], bytes: 0, last: 0, floor: 0 };
    data.resources.set(resource, found);
  }
  return found;
}

export function appendEvent(data: MemoryData, event: StoreEvent): void {
  const resource = memoryResource(data, event.resource);
  resource.log.push(event);
  resource.bytes += event.size;
  resource.last = Number(event.version);
  const slack = 1 + LOG_SLACK;
  if (resource.log.length > data.logLimit * slack || resource.bytes > data.logBytes * slack)
    trim(data, resource);
  for (const listener of [...data.listeners]) listener(event);
}

function trim({ logLimit, logBytes }: MemoryData, resource: MemoryResource): void {
  let cut = Math.max(0, resource.log.length - logLimit);
  let left = resource.bytes - resource.log.slice(0, cut).reduce((sum, { size }) => sum + size, 0);
  for (; left > logBytes && cut < resource.log.length - 1; cut += 1) left -= resource.log[cut]?.size ?? 0;
  resource.log.splice(0, cut);
  resource.bytes = left;
  resource.floor = Number(resource.log[0]?.version ?? resource.last) - 1;
}

/** Notes what came of a commit, and forgets those of long ago. */
export function rememberCommit(data: MemoryData, id: string, result: CommitResult): void {
  const atMs = data.clock.now();
  data.commits.set(id, { result, atMs });
  for (const [old, { atMs: then }] of data.commits) {
    if (atMs - then < COMMIT_MEMORY_MS) return;
    data.commits.delete(old);
  }
}

export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const member of Object.values(value)) deepFreeze(member);
  return value;
}
