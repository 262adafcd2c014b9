/**
 * Whatever refuses while a pod ends is asked again at a bounded rate, counted on simulated time.
 */
import { afterEach, describe, expect, it } from 'vitest';
import type { Pod } from '../../../src/schemas/types.ts';
import { type AgentWorld, aPod, createAgentWorld } from '../../support/agent-world.ts';

let world: AgentWorld;
afterEach(() => world[Symbol.asyncDispose]());

/**
 * More calls than this are a loop without pause; it is ended, for the test to fail instead of
 * hanging.
 */
const RUNAWAY = 500;
const MINUTES = 10;

interface Refusal {
  readonly calls: number;
  isOn: boolean;
}

/** Makes `target[method]` fail while it is on, and counts. */
function refuse(target: object, method: string): Refusal {
  const record = target as Record<string, (...args: unknown[]) => Promise<unknown>>;
  const real = record[method]?.bind(target);
  const refusal = { calls: 0, isOn: true };
  Object.defineProperty(target, method, {
    value: async (...args: unknown[]) => {
      if (!refusal.isOn) return real?.(...args);
      refusal.calls += 1;
      if (refusal.calls > RUNAWAY) await new Promise(() => undefined);
      throw new Error('refused');
    },
  });
  return refusal;
}

const deleting = (pod: Pod): Pod => ({
  ...pod,
  metadata: {
    ...pod.metadata,
    deletionTimestamp: '2026-01-01T00:00:00Z',
    deletionGracePeriodSeconds: 1,
  },
});

describe('a pod that ends', () => {
  it.each<[string, () => object, string]>([
    ['the engine does not remove its container', () => world.runtime, 'remove'],
    ['the engine does not stop its container', () => world.runtime, 'stop'],
    ['the API does not take its last status', () => world.api.client, 'report'],
    ['the API does not delete it', () => world.api.client, 'delete'],
  ])('is tried with growing pauses while %s', async (_what, target, method) => {
    world = await createAgentWorld();
    world.api.put('pods', aPod('web'));
    await world.clock.advance(10_000);
    const refusal = refuse(target(), method);
    world.api.put('pods', deleting(world.pod('web') as Pod));
    await world.clock.advance(MINUTES * 60_000);
    expect(refusal.calls).toBeGreaterThan(2);
    // The agent asks a refusing API every 4 s at the most.
    expect(refusal.calls).toBeLessThan(MINUTES * 20);
    refusal.isOn = false;
    await world.clock.advance(60_000);
    expect(world.pod('web')).toBeUndefined();
    expect(world.runtime.snapshot()).toEqual([]);
  });

  it('does not hold up the end of the agent, and goes on with the next one', async () => {
    world = await createAgentWorld({ programOf: () => ({ ignoresTerm: true }) });
    world.api.put('pods', aPod('web'));
    await world.clock.advance(5_000);
    const pod = deleting(world.pod('web') as Pod);
    world.api.put('pods', { ...pod, metadata: { ...pod.metadata, deletionGracePeriodSeconds: 600 } });
    await world.clock.advance(1_000);
    await world.restartAgent();
    expect(world.running()).toHaveLength(1);
    await world.clock.advance(700_000);
    expect(world.pod('web')).toBeUndefined();
    expect(world.runtime.snapshot()).toEqual([]);
  });

  it.each<[string, object, object]>([
    ['a hook of an hour', { lifecycle: { postStart: { sleep: { seconds: 3_600 } } } }, {}],
    ['a pull of an hour', {}, { latencies: { pullMs: 3_600_000 } }],
  ])('does not hold up the end of the agent by %s', async (_what, container, options) => {
    world = await createAgentWorld(options);
    world.api.put('pods', aPod('web', { containers: [{ name: 'main', image: 'x', ...container }] }));
    await world.clock.advance(5_000);
    await world.restartAgent();
    await world.clock.advance(7_200_000);
    expect(world.running()).toHaveLength(1);
    expect(world.pod('web')?.status?.containerStatuses?.[0]).toMatchObject({ restartCount: 0, ready: true });
    expect(world.api.list('events').map((event) => event['reason'])).not.toContain('Failed');
  });

  it('starts containers again while an old one cannot be removed', async () => {
    world = await createAgentWorld();
    world.api.put('pods', aPod('web'));
    await world.clock.advance(5_000);
    const refusal = refuse(world.runtime, 'remove');
    for (let n = 0; n < 4; n += 1) {
      const [running] = world.runtime.snapshot().filter(({ phase }) => phase === 'running');
      if (running) world.runtime.crash(running.id, 1);
      await world.clock.advance(200_000);
    }
    expect(world.running()).toHaveLength(1);
    expect(refusal.calls).toBeGreaterThan(2);
    expect(refusal.calls).toBeLessThan(60);
  });
});
