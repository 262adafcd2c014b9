import { afterEach, expect, it } from 'vitest';
import { silentLogger } from '../../../src/base/logger.ts';
import { createEngineFollower, type EngineFollower } from '../../../src/node-agent/pods/follow-engine.ts';
import type { ContainerRuntime, RuntimeEvent } from '../../../src/node-agent/runtime/types.ts';
import { createFakeClock, type FakeClock } from '../../support/fake-clock.ts';

let follower: EngineFollower | undefined;
afterEach(() => follower?.[Symbol.asyncDispose]());

/** An engine that tells `events` and then breaks off, each time it is listened to. */
function follow(clock: FakeClock, events: readonly RuntimeEvent[], inspect = async () => undefined) {
  const told: string[] = [];
  const runtime: Pick<ContainerRuntime, 'list' | 'inspect' | 'events'> = {
    list: async () => {
      told.push('list');
      return [];
    },
    inspect,
    async *events() {
      yield* events;
      throw new Error('connection reset');
    },
  };
  follower = createEngineFollower({
    runtime: runtime as ContainerRuntime,
    clock,
    logger: silentLogger,
    isKnown: (_, id) => id === 'own',
    onRecord: ({ id }) => told.push(`record ${id}`),
    onGone: (uid, id) => told.push(`gone ${uid} ${id}`),
    onList: () => told.push('listed'),
    onBroken: () => told.push('broken'),
    onRelist: () => told.push('relist'),
  });
  follower.start();
  return told;
}
const event = (id: string, action: 'start' | 'destroy'): RuntimeEvent => ({
  type: 'container',
  id,
  action,
  labels: { 'io.kubernetes.pod.uid': 'u' },
});

it('lists all at first and after each break, and listens again', async () => {
  const clock = createFakeClock();
  const told = follow(clock, [event('gone', 'destroy')]);
  await clock.advance(2_500);
  expect(told.filter((what) => what === 'listed')).toHaveLength(3);
  expect(told.filter((what) => what === 'broken')).toHaveLength(3);
  expect(told).toContain('gone u gone');
});

it('looks at what an event names, and at everything when that fails; own starts are no news', async () => {
  const clock = createFakeClock();
  const looks: number[] = [];
  const told = follow(clock, [event('own', 'start'), event('other', 'start')], async () => {
    looks.push(clock.now());
    throw new Error('no answer');
  });
  await clock.advance(500);
  expect(looks).toHaveLength(1);
  expect(told.filter((what) => what === 'list').length).toBeGreaterThan(1);
});

it('inspects every container in one of ten slow lists, and whenever a full list is asked for', async () => {
  const clock = createFakeClock();
  const lists: string[] = [];
  const waiting: (() => void)[] = [];
  const runtime: Pick<ContainerRuntime, 'list' | 'events'> = {
    async list(how) {
      lists.push(how ?? 'full');
      if (how === 'quick') await new Promise<void>((resolve) => waiting.push(resolve));
      return [];
    },
    async *events(signal) {
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    },
  };
  follower = createEngineFollower({
    runtime: runtime as ContainerRuntime,
    clock,
    logger: silentLogger,
    isKnown: () => false,
    onRecord: () => undefined,
    onGone: () => undefined,
    onList: () => undefined,
    onBroken: () => undefined,
    onRelist: () => undefined,
  });
  follower.start();
  await clock.advance(60_000);
  // It would be told what the engine says while the quick list is still under way.
  follower.relist();
  follower.relist();
  expect(lists).toEqual(['full', 'quick']);
  waiting.shift()?.();
  await clock.advance(0);
  expect(lists).toEqual(['full', 'quick', 'full']);
  for (let minute = 2; minute <= 20; minute += 1) {
    await clock.advance(60_000);
    waiting.shift()?.();
    await clock.advance(0);
  }
  expect(
    lists
      .slice(3)
      .map((how, index) => (how === 'full' ? index + 2 : 0))
      .filter(Boolean),
  ).toEqual([10, 20]);
});
