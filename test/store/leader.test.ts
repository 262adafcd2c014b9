import { expect, it } from 'vitest';
import { silentLogger } from '../../src/base/logger.ts';
import { runWithLeadership } from '../../src/store/leader.ts';
import { createMemoryStore } from '../doubles/memory-store/memory-store.ts';
import { type Fence, FenceLost, type Store, StoreUnavailable } from '../../src/store/types.ts';
import { anObject } from '../contracts/store.ts';
import { createFakeClock } from '../support/fake-clock.ts';

const TTL_MS = 9_000;

function setUp() {
  const clock = createFakeClock();
  const store = createMemoryStore({ clock });
  const log: string[] = [];
  const contend = (holder: string, leases: Pick<Store, 'acquireLease' | 'releaseLease'> = store) => {
    const abort = new AbortController();
    const fences: Fence[] = [];
    const done = runWithLeadership({
      store: leases,
      lease: 'controllers',
      holder,
      clock,
      ttlMs: TTL_MS,
      logger: silentLogger,
      signal: abort.signal,
      async lead(fence, signal) {
        fences.push(fence);
        log.push(`${holder} leads`);
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
        log.push(`${holder} ended`);
      },
    });
    return { abort, fences, done };
  };
  return { clock, store, log, contend };
}

it('has one leader at a time, and hands over when it goes', async () => {
  const { clock, log, contend } = setUp();
  const a = contend('a');
  await clock.advance(10);
  const b = contend('b');
  await clock.advance(60_000);
  expect(log).toEqual(['a leads']);
  a.abort.abort();
  await a.done;
  await clock.advance(TTL_MS);
  expect(log).toEqual(['a leads', 'a ended', 'b leads']);
  expect(b.fences[0]?.token).toBeGreaterThan(a.fences[0]?.token ?? Number.NaN);
  b.abort.abort();
  await b.done;
});

it('stops leading before another may begin when the store cannot be reached', async () => {
  const { clock, store, log, contend } = setUp();
  let cut = false;
  const flaky = {
    async acquireLease(lease: string, holder: string, ttlMs: number) {
      if (cut) throw new StoreUnavailable('Cut off');
      return store.acquireLease(lease, holder, ttlMs);
    },
    releaseLease: async () => undefined,
  };
  const a = contend('a', flaky);
  const b = contend('b');
  await clock.advance(20_000);
  cut = true;
  await clock.advance(2 * TTL_MS);
  expect(log).toEqual(['a leads', 'a ended', 'b leads']);
  const op = { type: 'create', resource: 'configmaps', key: 'default/a', object: anObject('a') } as const;
  const [fence] = a.fences;
  await expect(store.commit([op], fence ? { fence } : {})).rejects.toThrow(FenceLost);
  for (const each of [a, b]) each.abort.abort();
  await clock.advance(TTL_MS);
  await Promise.all([a.done, b.done]);
});

it('stops leading when the lease has passed on', async () => {
  const { clock, store, log, contend } = setUp();
  const a = contend('a');
  await clock.advance(10);
  await store.releaseLease('controllers', 'a');
  await store.acquireLease('controllers', 'thief', 60_000);
  await clock.advance(TTL_MS);
  expect(log).toEqual(['a leads', 'a ended']);
  a.abort.abort();
  await a.done;
});

it('leads again, with pauses, after leading has failed', async () => {
  const clock = createFakeClock();
  const abort = new AbortController();
  let attempts = 0;
  const done = runWithLeadership({
    store: createMemoryStore({ clock }),
    lease: 'controllers',
    holder: 'a',
    clock,
    ttlMs: TTL_MS,
    logger: silentLogger,
    signal: abort.signal,
    async lead() {
      attempts += 1;
      throw new Error('A bug');
    },
  });
  await clock.advance(60_000);
  expect(attempts).toBeGreaterThan(2);
  expect(attempts).toBeLessThan(12);
  abort.abort();
  await done;
});
