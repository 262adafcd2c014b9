/**
 * The store in memory, for unit tests and simulation. It keeps the contract of src/store/types.ts
 * to the letter: versions, change log, epochs, fences. Objects are copied in and handed out frozen,
 * so that a mutation is found out.
 */
import { createAbort } from '../../../src/base/abort.ts';
import type { Clock } from '../../../src/base/clock.ts';
import { type Rng, systemRng } from '../../../src/base/rng.ts';
import type { KubeObject } from '../../../src/schemas/object.ts';
import { plainFormat, type StorageFormat } from '../../../src/schemas/strategy/index.ts';
import { createHistory, type History } from '../../../src/store/history.ts';
import { checkDistinct, WATCH_QUEUE_LIMIT } from '../../../src/store/limits.ts';
import type { CommitOptions, CommitResult, Store, StoreOp } from '../../../src/store/types.ts';
import { acquireLease, checkFence, releaseLease } from './memory-leases.ts';
import {
  createMemoryData,
  deepFreeze,
  type MemoryData,
  nextVersion,
  rememberCommit,
  wipeMemoryData,
} from './memory-data.ts';
import { checkOp, execute, prepare } from './memory-ops.ts';
import { watchMemory } from './memory-watch.ts';

export interface MemoryStoreOptions {
  readonly clock: Clock;
  /** Names the epoch of new data. */
  readonly rng?: Rng;
  readonly logLimit?: number;
  readonly watchQueueLimit?: number;
  readonly format?: StorageFormat;
  /**
   * Opens data that is there already (a restart). Without it, new data with a cluster state is
   * made.
   */
  readonly data?: MemoryData;
}

export interface MemoryStore extends Store {
  readonly data: MemoryData;
  /** Everything is lost, as by FLUSHALL. */
  wipe(): void;
}

export function createMemoryStore(options: MemoryStoreOptions): MemoryStore {
  const { format = plainFormat, watchQueueLimit: queueLimit = WATCH_QUEUE_LIMIT } = options;
  const data = options.data ?? newData(options);
  const closed = createAbort();
  const history = createHistory();
  history.adopt(data.state?.epoch, data.last);
  const read = reader(data, format);
  let leasedAtMs = Number.NEGATIVE_INFINITY;

  function checked(): MemoryData['resources'] {
    history.expect()(data.state?.epoch, data.last);
    return data.resources;
  }

  return {
    data,
    wipe: () => wipeMemoryData(data),
    commit: async (ops, commitOptions) => commit(data, history, format, ops, commitOptions),
    get: async (resource, key) => read(resource, checked().get(resource)?.objects.get(key)),
    getMany: async (resource, keys) =>
      keys.map((key) => read(resource, checked().get(resource)?.objects.get(key))),
    async list(resource) {
      const entries = [...(checked().get(resource)?.objects ?? [])];
      entries.sort(([a], [b]) => (a < b ? -1 : 1));
      return { objects: entries.map(([, object]) => read(resource, object)), version: String(data.last) };
    },
    watch: (resource, fromVersion, signal) =>
      watchMemory({
        data,
        epoch: () => history.epoch,
        checked,
        read,
        resource,
        fromVersion,
        signal,
        closed: closed.signal,
        queueLimit,
      }),
    async versions(resource) {
      const last = checked().get(resource)?.last ?? 0;
      return { resource: String(Math.max(last, data.epochFloor)), store: String(data.last) };
    },
    clusterState: async () => data.state,
    async checkState() {
      if (data.state?.epoch === history.epoch) checked();
      return data.state && { ...data.state, version: String(data.last) };
    },
    get leasedAtMs() {
      return leasedAtMs;
    },
    async setClusterState(next, expected) {
      if (data.state?.epoch !== expected?.epoch || data.state?.phase !== expected?.phase) return false;
      if (data.state?.epoch !== next.epoch) data.epochFloor = nextVersion(data, history.floor);
      data.state = next;
      history.adopt(next.epoch, data.last);
      for (const listener of [...data.listeners]) listener(undefined);
      return true;
    },
    async acquireLease(lease, holder, ttlMs) {
      const held = acquireLease(data, lease, holder, ttlMs);
      if (held) leasedAtMs = options.clock.now();
      return held;
    },
    releaseLease: async (lease, holder) => releaseLease(data, lease, holder),
    async [Symbol.asyncDispose]() {
      closed.abort();
    },
  };
}

function newData(options: MemoryStoreOptions): MemoryData {
  const data = createMemoryData(options);
  data.epochFloor = nextVersion(data, 0);
  data.state = { epoch: (options.rng ?? systemRng).uuid(), phase: 'normal' };
  return data;
}

function commit(
  data: MemoryData,
  history: History,
  format: StorageFormat,
  ops: readonly StoreOp[],
  { fence, id }: CommitOptions = {},
): CommitResult {
  checkDistinct(ops);
  const prepared = ops.map((op, index) => prepare(op, index, format));
  history.expect()(data.state?.epoch, data.last);
  const done = id === undefined ? undefined : data.commits.get(id);
  if (done) return done.result;
  if (fence) checkFence(data, fence);
  prepared.forEach((one, index) => checkOp(data, one, index));
  const objects = prepared.map((one) => execute(data, one, history.floor));
  history.note(history.epoch ?? '', data.last);
  const result = { objects, version: String(data.last) };
  if (id !== undefined) rememberCommit(data, id, result);
  return result;
}

export type ReadObject = <T extends KubeObject | undefined>(resource: string, stored: T) => T;

/** Each object is read once, so that equal states are the same object, as what was written is. */
function reader(data: MemoryData, format: StorageFormat): ReadObject {
  const known = new WeakMap<KubeObject, KubeObject>();
  return (resource, stored) => {
    if (stored === undefined) return stored;
    let object = known.get(stored);
    if (!object) {
      object = deepFreeze(format.read(resource, stored, data.storageVersions.get(stored) ?? 1));
      known.set(stored, object);
    }
    return object as typeof stored;
  };
}
