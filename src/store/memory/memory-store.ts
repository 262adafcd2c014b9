/**
 * The store in memory, for unit tests and simulation. It keeps the contract of types.ts to the letter: versions, change
 * log, epochs, fences. Objects are copied in and handed out frozen, so that a caller who mutates one is found out.
 */
import { createAbort } from '../../base/abort.ts';
import { createAsyncQueue } from '../../base/async-queue.ts';
import type { Clock } from '../../base/clock.ts';
import { type Rng, systemRng } from '../../base/rng.ts';
import type { KubeObject } from '../../schemas/object.ts';
import { checkDistinct, objectOf, payloadOf, WATCH_QUEUE_LIMIT } from '../limits.ts';
import {
  appendEvent,
  createMemoryData,
  type MemoryData,
  memoryResource,
  nextVersion,
  rememberCommit,
  wipeMemoryData,
} from './memory-data.ts';
import {
  type ClusterState,
  CommitRefused,
  EpochChanged,
  FenceLost,
  Gone,
  type HeldLease,
  type ListResult,
  type Store,
  type StoreChange,
  type StoreEvent,
  type StoreOp,
} from '../types.ts';
import { parseVersion } from '../version.ts';

export interface MemoryStoreOptions {
  readonly clock: Clock;
  /** Names the epoch of new data. */
  readonly rng?: Rng;
  readonly logLimit?: number;
  readonly watchQueueLimit?: number;
  /** Opens data that is there already (a restart). Without it, new data with a cluster state is made. */
  readonly data?: MemoryData;
}

export interface MemoryStore extends Store {
  readonly data: MemoryData;
  /** Everything is lost, as by FLUSHALL. */
  wipe(): void;
}

export function createMemoryStore(options: MemoryStoreOptions): MemoryStore {
  const { clock } = options;
  const data = options.data ?? newData(options);
  const queueLimit = options.watchQueueLimit ?? WATCH_QUEUE_LIMIT;
  const closed = createAbort();
  let epoch = data.state?.epoch;
  /** The newest version ever seen: versions never go back, not even after the data is lost. */
  let floor = data.last;
  /** The newest version seen in this epoch: data that is behind it has lost changes. */
  let seen = data.last;
  let leasedAtMs = Number.NEGATIVE_INFINITY;

  function checkEpoch(): void {
    if (epoch === undefined || data.state?.epoch !== epoch) {
      throw new EpochChanged('Cannot use the store: its data is not the data that was opened');
    }
    if (data.last < seen) throw new EpochChanged('Cannot use the store: its data has lost changes');
    seen = data.last;
    floor = Math.max(floor, seen);
  }

  return {
    data,
    wipe: () => wipeMemoryData(data),

    async commit(ops, commitOptions) {
      checkDistinct(ops);
      const payloads = ops.map((op, index) => ('object' in op ? payloadOf(op, index) : ''));
      checkEpoch();
      const { fence, id } = commitOptions ?? {};
      const done = id === undefined ? undefined : data.commits.get(id);
      if (done) return done.result;
      const lease = fence && data.leases.get(fence.lease);
      if (fence && (!lease || lease.holder === '' || lease.token !== fence.token)) {
        throw new FenceLost(`Cannot commit: the lease "${fence.lease}" has passed on`);
      }
      ops.forEach((op, index) => checkOp(data, op, index));
      const objects = ops.map((op, index) => execute(data, op, payloads[index] ?? '', floor));
      seen = data.last;
      floor = Math.max(floor, seen);
      const result = { objects, version: String(data.last) };
      if (id !== undefined) rememberCommit(data, id, result);
      return result;
    },

    async get(resource, key) {
      checkEpoch();
      return data.resources.get(resource)?.objects.get(key);
    },

    async getMany(resource, keys) {
      checkEpoch();
      return keys.map((key) => data.resources.get(resource)?.objects.get(key));
    },

    async list(resource): Promise<ListResult> {
      checkEpoch();
      const entries = [...(data.resources.get(resource)?.objects ?? [])];
      entries.sort(([a], [b]) => (a < b ? -1 : 1));
      return { objects: entries.map(([, object]) => object), version: String(data.last) };
    },

    async *watch(resource, fromVersion, signal) {
      const from = parseVersion(fromVersion);
      checkEpoch();
      const log = data.resources.get(resource);
      if (from === undefined || from > data.last || from < Math.max(data.epochFloor, log?.floor ?? 0)) {
        throw new Gone(`Cannot watch ${resource} from version "${fromVersion}": it is not in the change log`);
      }
      if (signal.aborted || closed.signal.aborted) return;
      const queue = createAsyncQueue<StoreChange>(queueLimit);
      const backlog = log?.log.filter((event) => Number(event.version) > from) ?? [];
      const listener = (event: StoreEvent | undefined): void => {
        if (data.state?.epoch !== epoch) {
          queue.close(new EpochChanged('Cannot watch: the data is not the data that was opened'));
        } else if (event?.resource === resource && !queue.push(event)) {
          queue.close(new Gone(`Cannot watch ${resource}: the consumer is too slow`));
        }
      };
      const stop = (): void => queue.close();
      data.listeners.add(listener);
      signal.addEventListener('abort', stop, { once: true });
      closed.signal.addEventListener('abort', stop, { once: true });
      try {
        for (const event of backlog) {
          if (signal.aborted) return;
          yield event;
        }
        for await (const event of queue) {
          if (signal.aborted) return;
          yield event;
        }
      } finally {
        data.listeners.delete(listener);
        signal.removeEventListener('abort', stop);
        closed.signal.removeEventListener('abort', stop);
      }
    },

    async versions(resource) {
      checkEpoch();
      const last = data.resources.get(resource)?.last ?? 0;
      return { resource: String(Math.max(last, data.epochFloor)), store: String(data.last) };
    },

    async clusterState() {
      return data.state;
    },

    async checkState() {
      if (data.state?.epoch === epoch) checkEpoch();
      return data.state && { ...data.state, version: String(data.last) };
    },

    get leasedAtMs() {
      return leasedAtMs;
    },

    async setClusterState(next, expected) {
      if (data.state?.epoch !== expected?.epoch || data.state?.phase !== expected?.phase) return false;
      if (data.state?.epoch !== next.epoch) data.epochFloor = nextVersion(data, floor);
      data.state = next;
      epoch = next.epoch;
      seen = data.last;
      floor = Math.max(floor, seen);
      for (const listener of [...data.listeners]) listener(undefined);
      return true;
    },

    async acquireLease(lease, holder, ttlMs): Promise<HeldLease | undefined> {
      const now = clock.now();
      const current = data.leases.get(lease);
      const free = !current || current.holder === '' || current.expiresAtMs <= now;
      if (!free && current.holder !== holder) return undefined;
      const kept = current?.holder === holder ? current.token : undefined;
      const token = kept ?? Math.max((current?.token ?? 0) + 1, now * 1000);
      data.leases.set(lease, { holder, token, expiresAtMs: now + ttlMs });
      leasedAtMs = now;
      return { token, expiresAtMs: now + ttlMs };
    },

    async releaseLease(lease, holder) {
      const current = data.leases.get(lease);
      if (current?.holder === holder) data.leases.set(lease, { ...current, holder: '', expiresAtMs: 0 });
    },

    async [Symbol.asyncDispose]() {
      closed.abort();
    },
  };
}

function newData(options: MemoryStoreOptions): MemoryData {
  const data = createMemoryData(options);
  const state: ClusterState = { epoch: (options.rng ?? systemRng).uuid(), phase: 'normal' };
  data.epochFloor = nextVersion(data, 0);
  data.state = state;
  return data;
}

function checkOp(data: MemoryData, op: StoreOp, index: number): void {
  const actual = data.resources.get(op.resource)?.objects.get(op.key)?.metadata.resourceVersion;
  const expected = op.type === 'create' ? undefined : op.expectedVersion;
  if (actual === expected) return;
  if (actual === undefined) throw new CommitRefused('missing', index, op);
  throw new CommitRefused(expected === undefined ? 'exists' : 'stale', index, op, actual);
}

function execute(data: MemoryData, op: StoreOp, payload: string, floor: number): KubeObject | undefined {
  if (op.type === 'check') return undefined;
  const { resource, key } = op;
  const { objects } = memoryResource(data, resource);
  const previous = objects.get(key);
  const version = String(nextVersion(data, floor));
  if (op.type === 'delete') {
    objects.delete(key);
    const object = deepFreeze({
      ...previous,
      metadata: { ...previous?.metadata, resourceVersion: version },
    } as KubeObject);
    // The log shares the last state with the change before.
    appendEvent(data, { type: 'DELETED', resource, key, object, version }, key.length);
    return object;
  }
  const object = deepFreeze(objectOf(payload, version));
  objects.set(key, object);
  const type = op.type === 'create' ? 'ADDED' : 'MODIFIED';
  appendEvent(data, { type, resource, key, object, version }, payload.length);
  return object;
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const member of Object.values(value)) deepFreeze(member);
  return value;
}
