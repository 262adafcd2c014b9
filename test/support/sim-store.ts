/**
 * The memory store as one control plane process sees it: it can be cut off (a killed process writes
 * no more), takes a moment for a commit, and every commit and watch is held against the store's
 * contract (invariant 8).
 */
import { type Clock, sleep } from '../../src/base/clock.ts';
import type { Rng } from '../../src/base/rng.ts';
import { builtinFormat } from '../../src/schemas/registry.ts';
import { type MemoryStore, createMemoryStore } from '../doubles/memory-store/memory-store.ts';
import type { MemoryData } from '../doubles/memory-store/memory-data.ts';
import { type Store, type StoreChange, StoreUnavailable } from '../../src/store/types.ts';
import type { SimLedger } from './sim-ledger.ts';

export interface SimStore extends Store {
  /** From now on nothing of this process reaches the data. */
  kill(): void;
}

export interface SimStoreOptions {
  readonly clock: Clock;
  readonly rng: Rng;
  readonly data: MemoryData;
  readonly ledger: SimLedger;
  /** For planted bugs: what stands between the checks and the data. */
  readonly corrupt?: ((store: MemoryStore) => Store) | undefined;
}

/** Commits take up to this long, so that readers and writers overtake each other. */
const MAX_COMMIT_DELAY_MS = 3;

export function createSimStore({ clock, rng, data, ledger, corrupt }: SimStoreOptions): SimStore {
  const memory = createMemoryStore({ clock, rng, data, format: builtinFormat });
  const inner = corrupt?.(memory) ?? memory;
  let alive = true;
  const killed = new AbortController();
  const need = (): void => {
    if (!alive) throw new StoreUnavailable('The process was killed');
  };

  async function* watch(
    resource: string,
    fromVersion: string,
    signal: AbortSignal,
  ): AsyncGenerator<StoreChange> {
    need();
    const check = ledger.watchCheck(resource, fromVersion);
    for await (const event of inner.watch(resource, fromVersion, AbortSignal.any([signal, killed.signal]))) {
      if (event.type !== 'UNREADABLE') check(event);
      yield event;
    }
  }

  return {
    kill() {
      alive = false;
      killed.abort();
    },
    async commit(ops, options) {
      need();
      await sleep(clock, Math.floor(rng.next() * (MAX_COMMIT_DELAY_MS + 1)));
      need();
      const result = await inner.commit(ops, options);
      ledger.committed(ops, result);
      return result;
    },
    async get(resource, key) {
      need();
      return inner.get(resource, key);
    },
    async getMany(resource, keys) {
      need();
      return inner.getMany(resource, keys);
    },
    async list(resource) {
      need();
      return inner.list(resource);
    },
    watch,
    async versions(resource) {
      need();
      return inner.versions(resource);
    },
    async clusterState() {
      need();
      return inner.clusterState();
    },
    async checkState() {
      need();
      return inner.checkState();
    },
    get leasedAtMs() {
      return inner.leasedAtMs;
    },
    async setClusterState(next, expected) {
      need();
      return inner.setClusterState(next, expected);
    },
    async acquireLease(lease, holder, ttlMs) {
      need();
      return inner.acquireLease(lease, holder, ttlMs);
    },
    async releaseLease(lease, holder) {
      need();
      return inner.releaseLease(lease, holder);
    },
    async [Symbol.asyncDispose]() {
      killed.abort();
      await inner[Symbol.asyncDispose]();
    },
  };
}
