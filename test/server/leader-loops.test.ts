/**
 * A leader that cannot start leaves nothing behind: each thing that its start asks for fails in
 * turn, and afterwards no subscription, no worker of a queue, no listener and no timer of it is
 * left.
 */
import { describe, expect, it } from 'vitest';
import { silentLogger } from '../../src/base/logger.ts';
import type { Clock } from '../../src/base/clock.ts';
import { seededRng } from '../../src/base/rng.ts';
import { createMemoryQueues } from '../doubles/memory-queues.ts';
import type { Queues } from '../../src/queue/types.ts';
import { builtinRegistry } from '../../src/schemas/registry.ts';
import type { Registry } from '../../src/schemas/resource-kind.ts';
import { createClusterCondition } from '../../src/server/history/cluster-condition.ts';
import { lead, type LeadParts } from '../../src/server/lead.ts';
import { startLeaderLoops } from '../../src/server/leader-loops.ts';
import { createCacheSet } from '../../src/store/cache/cache-set.ts';
import type { CacheSet } from '../../src/store/cache/cache.ts';
import { createMemoryStore } from '../doubles/memory-store/memory-store.ts';
import { createObjects } from '../support/objects.ts';
import { createPlacementProofs } from '../../src/resources/writing/placement-proof.ts';
import { type Store, StoreUnavailable } from '../../src/store/types.ts';
import { createMemoryRepository } from '../doubles/memory-mirror.ts';
import { rootApplication } from '../../src/sync/root-application.ts';
import { createFakeClock, type FakeClock, settle } from '../support/fake-clock.ts';

/** The parts that are alive, by kind; and the n-th request of the start, which fails. */
interface Ledger {
  readonly alive: Map<string, number>;
  requests: number;
  failAt: number;
}

const REPOSITORY = 'https://git.example/shop.git';

function world(
  phase: 'normal' | 'rebuilding',
  failAt: number,
): { parts: LeadParts; ledger: Ledger; clock: FakeClock } {
  const fake = createFakeClock();
  const ledger: Ledger = { alive: new Map(), requests: 0, failAt };
  const count = (what: string, by: number): void =>
    void ledger.alive.set(what, (ledger.alive.get(what) ?? 0) + by);
  const held = (what: string, inner: Disposable): Disposable => {
    let open = true;
    count(what, 1);
    return {
      [Symbol.dispose]() {
        if (open) count(what, -1);
        open = false;
        inner[Symbol.dispose]();
      },
    };
  };
  const request = (): void => {
    ledger.requests += 1;
    if (ledger.requests === ledger.failAt) throw new Error('Refused for the test');
  };
  const store = createMemoryStore({ clock: fake });
  const asked: Store = {
    ...store,
    commit: async (...args) => (request(), store.commit(...args)),
    get: async (...args) => (request(), store.get(...args)),
  };
  // The caches outlive the leader: theirs is the plain clock.
  const inner = createCacheSet({ store, clock: fake, logger: silentLogger });
  const caches: CacheSet = {
    ...inner,
    async open(resource) {
      request();
      const cache = await inner.open(resource);
      const subscribe: typeof cache.subscribe = (listener) =>
        held('subscriptions', cache.subscribe(listener));
      return Object.assign(Object.create(cache) as typeof cache, { subscribe }) as never;
    },
  };
  const clock: Clock = {
    now: () => fake.now(),
    setTimer(task, delayMs) {
      let open = true;
      count('timers', 1);
      const close = (): void => {
        if (open) count('timers', -1);
        open = false;
      };
      const timer = fake.setTimer(() => (close(), task()), delayMs);
      return { cancel: () => (close(), timer.cancel()) };
    },
  };
  const plain = createMemoryQueues({ clock: fake, logger: silentLogger });
  const queues: Queues = {
    ...plain,
    work(name, options) {
      request();
      count('workers', 1);
      const worker = plain.work(name, options);
      return {
        async [Symbol.asyncDispose]() {
          count('workers', -1);
          await worker[Symbol.asyncDispose]();
        },
      };
    },
  };
  const registry: Registry = Object.assign(Object.create(builtinRegistry) as Registry, {
    subscribe: (listener: () => void) => held('registry listeners', builtinRegistry.subscribe(listener)),
  });
  const condition = createClusterCondition(phase);
  const repository = createMemoryRepository(fake);
  repository.commit({ 'a.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n' });
  const rng = seededRng(1);
  const parts: LeadParts = {
    store: asked,
    caches,
    writer: createObjects({ store: asked, registry, clock, rng }),
    queues,
    registry,
    clock,
    rng,
    logger: silentLogger,
    condition: {
      ...condition,
      mayAct: () => condition.mayAct(),
      onChange: (listener) => held('condition listeners', condition.onChange(listener)),
    },
    controllers: {},
    sync: { createMirror: () => repository.createMirror(), pollIntervalMs: 30_000 },
    rootApplication: rootApplication({ repoURL: REPOSITORY }),
    expectedNodes: [],
    proofs: createPlacementProofs(Buffer.alloc(32, 1)),
    dataDir: { read: async () => undefined, write: async () => undefined },
    startReporting: async () => (request(), { [Symbol.asyncDispose]: async () => undefined }),
  };
  return { parts, ledger, clock: fake };
}

/** Advances time until the promise has settled. */
async function outcome<T>(clock: FakeClock, work: Promise<T>): Promise<PromiseSettledResult<T>> {
  let result: PromiseSettledResult<T> | undefined;
  void Promise.allSettled([work]).then(([settled]) => (result = settled));
  for (let round = 0; result === undefined; round += 1) {
    if (round > 1_000) throw new Error('It does not settle');
    await clock.advance(10);
  }
  return result;
}

const left = ({ alive }: Ledger): readonly string[] =>
  [...alive].filter(([, count]) => count !== 0).map(([what, count]) => `${count} ${what}`);

describe.each(['normal', 'rebuilding'] as const)('a leader on a store that is %s', (phase) => {
  it('leaves nothing behind, whichever step of its start fails', async () => {
    let failed = 0;
    for (let failAt = 1; ; failAt += 1) {
      const { parts, ledger, clock } = world(phase, failAt);
      const result = await outcome(clock, startLeaderLoops(parts, undefined, new AbortController().signal));
      if (result.status === 'fulfilled') {
        await outcome(clock, Promise.resolve(result.value[Symbol.asyncDispose]()));
        await settle();
        expect(left(ledger), 'after an ordinary end').toEqual([]);
        if (ledger.requests < failAt) break;
        continue;
      }
      failed += 1;
      await settle();
      expect(left(ledger), `request ${failAt} failed`).toEqual([]);
    }
    expect(failed).toBeGreaterThan(20);
  });

  it.each(['clusterState', 'setClusterState', 'versions'] as const)(
    'goes on until the store is usable, though %s fails at first',
    async (method) => {
      const { parts, clock } = world(phase, Number.POSITIVE_INFINITY);
      await parts.store.setClusterState({ epoch: 'e', phase }, undefined);
      let failures = 0;
      const failing = async (...args: unknown[]): Promise<unknown> => {
        failures += 1;
        if (failures <= 3) throw new StoreUnavailable('Redis does not answer');
        return (parts.store[method] as (...of: unknown[]) => Promise<unknown>)(...args);
      };
      const store = { ...parts.store, [method]: failing };
      const loops = await startLeaderLoops({ ...parts, store }, undefined, new AbortController().signal);
      for (let round = 0; !parts.condition.mayAct() && round < 300; round += 1) await clock.advance(100);
      expect(parts.condition.mayAct()).toBe(true);
      expect((await parts.store.clusterState())?.phase).toBe('normal');
      await outcome(clock, Promise.resolve(loops[Symbol.asyncDispose]()));
    },
  );

  it('tries again when its reporting cannot start, with one set of parts in the end', async () => {
    const first = world(phase, Number.POSITIVE_INFINITY);
    let attempts = 0;
    const startReporting: LeadParts['startReporting'] = async () => {
      attempts += 1;
      if (attempts < 4) throw new Error('The forge cannot be reached');
      return { [Symbol.asyncDispose]: async () => undefined };
    };
    const leading = lead({ ...first.parts, startReporting });
    while (attempts < 4) await first.clock.advance(100);
    await first.clock.advance(1_000);
    expect(first.ledger.alive.get('workers')).toBe(2);
    await outcome(first.clock, Promise.resolve(leading[Symbol.asyncDispose]()));
    expect(left(first.ledger)).toEqual([]);
  });
});
