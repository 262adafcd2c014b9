import { afterEach, expect, it } from 'vitest';
import type { Logger } from '../../../src/base/logger.ts';
import { type AgentWorld, aPod, createAgentWorld } from '../../support/agent-world.ts';

let world: AgentWorld;
afterEach(() => world[Symbol.asyncDispose]());

/** Lines at info and above. */
function keepLines(): { readonly lines: string[]; readonly logger: Logger } {
  const lines: string[] = [];
  const say = (_fields: object, message: string): void => void lines.push(message);
  const logger: Logger = { debug: () => undefined, info: say, warn: say, error: say, child: () => logger };
  return { lines, logger };
}

it('says once that the control plane is away, and once that it is back', async () => {
  const { lines, logger } = keepLines();
  world = await createAgentWorld({ logger });
  world.api.put('pods', aPod('web'));
  await world.clock.advance(10_000);
  lines.length = 0;
  world.api.setAway(true);
  await world.clock.advance(60_000);
  // Something happens meanwhile that the control plane ought to hear of.
  for (const { id } of world.runtime.snapshot()) world.runtime.crash(id, 1);
  await world.clock.advance(240_000);
  const away = 'The control plane does not answer; the containers go on running, trying again';
  expect(lines).toEqual([away]);
  await world.clock.advance(600_000);
  expect(lines).toEqual([away, away]);
  world.api.setAway(false);
  await world.clock.advance(30_000);
  expect(lines).toEqual([away, away, 'The control plane answers again']);
});

it('ends at once while the control plane hangs, and does not take that for an outage', async () => {
  const { lines, logger } = keepLines();
  world = await createAgentWorld({ logger });
  world.api.put('pods', aPod('web'));
  await world.clock.advance(10_000);
  lines.length = 0;
  let pending = 0;
  const hang = (): Promise<never> => {
    pending += 1;
    return new Promise(() => undefined);
  };
  const calls = {
    get: hang,
    list: hang,
    create: hang,
    update: hang,
    patch: hang,
    clusterState: hang,
    report: hang,
  };
  Object.assign(world.api.client, calls);
  for (const { id } of world.runtime.snapshot()) world.runtime.crash(id, 1);
  await world.clock.advance(30_000);
  expect(pending).toBeGreaterThan(2);
  let hasEnded = false;
  void world.agent[Symbol.asyncDispose]().then(() => {
    hasEnded = true;
  });
  await world.clock.advance(5_000);
  expect(hasEnded).toBe(true);
  expect(lines.filter((line) => line.includes('control plane'))).toEqual([]);
});

it('does not fill the log when the control plane comes and goes', async () => {
  const { lines, logger } = keepLines();
  world = await createAgentWorld({ logger });
  await world.clock.advance(10_000);
  lines.length = 0;
  for (let time = 0; time < 10; time += 1) {
    world.api.setAway(true);
    await world.clock.advance(1_500);
    world.api.setAway(false);
    await world.clock.advance(1_500);
  }
  expect(lines.filter((line) => line.startsWith('The control plane')).length).toBeLessThanOrEqual(4);
});
