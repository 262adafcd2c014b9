/**
 * The data behind the memory adapter, apart from any adapter: it outlives them (a restarted control plane opens it
 * again) and can be wiped (a lost datastore). Single-threaded, so every function here is one atomic step.
 */
import type { Clock } from '../base/clock.ts';
import type { KubeObject } from '../schemas/object.ts';
import type { ResourceId } from '../schemas/resource-kind.ts';
import { DEFAULT_LOG_LIMIT, LOG_SLACK } from './limits.ts';
import type { ClusterState, StoreEvent } from './types.ts';

export interface MemoryResource {
  readonly objects: Map<string, KubeObject>;
  readonly log: StoreEvent[];
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
  readonly resources: Map<ResourceId, MemoryResource>;
  readonly leases: Map<string, MemoryLease>;
  /** Told about every change, and (without an event) that the state of the data changed. */
  readonly listeners: Set<(event: StoreEvent | undefined) => void>;
  state: ClusterState | undefined;
  last: number;
  /** The version at which the epoch began; older ones belong to another. */
  epochFloor: number;
  /** Microseconds of the clock, made to pass with every change: a simulated clock may stand still. Survives a wipe. */
  micros: number;
}

export function createMemoryData(options: { readonly clock: Clock; readonly logLimit?: number }): MemoryData {
  return {
    clock: options.clock,
    logLimit: options.logLimit ?? DEFAULT_LOG_LIMIT,
    resources: new Map(),
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
    found = { objects: new Map(), log: [], last: 0, floor: 0 };
    data.resources.set(resource, found);
  }
  return found;
}

export function appendEvent(data: MemoryData, event: StoreEvent): void {
  const resource = memoryResource(data, event.resource);
  resource.log.push(event);
  resource.last = Number(event.version);
  if (resource.log.length > data.logLimit * (1 + LOG_SLACK)) {
    resource.log.splice(0, resource.log.length - data.logLimit);
    resource.floor = Number(resource.log[0]?.version ?? event.version) - 1;
  }
  for (const listener of [...data.listeners]) listener(event);
}
