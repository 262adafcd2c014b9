import { afterEach, expect, it } from 'vitest';
import { silentLogger } from '../../src/base/logger.ts';
import { createEngineFollower, type EngineFollower } from '../../src/node-agent/follow-engine.ts';
import type { ContainerRuntime, RuntimeEvent } from '../../src/node-agent/runtime/types.ts';
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts';

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
