import { expect, it } from 'vitest';
import { silentLogger } from '../../src/base/logger.ts';
import { seededRng } from '../../src/base/rng.ts';
import type { ApiClient } from '../../src/client/types.ts';
import { createFeeds } from '../../src/network/feeds.ts';
import { expired } from '../../src/schemas/errors/status.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { eventually } from '../support/kubectl.ts';

/** A store that lists this, in this state of the control plane; each watch ends at once. */
function startWorld() {
  const world = { names: ['a', 'b'], phase: 'normal' };
  const client = {
    list: async () => ({
      items: world.names.map((name) => ({ metadata: { name, namespace: 'x', resourceVersion: '1' } })),
      resourceVersion: '1',
    }),
    async *watch() {
      throw expired('too old');
    },
    clusterState: async () => ({ epoch: 'e', phase: world.phase }),
  } as unknown as ApiClient;
  const clock = createFakeClock();
  const feeds = createFeeds({ client, clock, rng: seededRng(1), logger: silentLogger });
  return { world, clock, feeds, feed: feeds.of('networkPolicies') };
}

it('a feed keeps what it has while the store is rebuilt', async () => {
  const { world, clock, feeds, feed } = startWorld();
  const until = (what: string, holds: () => boolean): Promise<unknown> =>
    eventually(what, async () => {
      await clock.advance(5_000);
      return holds();
    });
  await until('the feed is complete', () => feed.isSynced);
  Object.assign(world, { names: ['c'], phase: 'rebuilding' });
  await until('what is new is there', () => feed.items.has('x/c'));
  await clock.advance(60_000);
  expect([...feed.items.keys()]).toEqual(['x/a', 'x/b', 'x/c']);
  world.phase = 'normal';
  await until('what was lost is gone', () => feed.items.size === 1);
  await feeds[Symbol.asyncDispose]();
});

it('a feed is not complete before the store is', async () => {
  const { world, clock, feeds, feed } = startWorld();
  world.phase = 'rebuilding';
  await eventually('there is an item', async () => {
    await clock.advance(5_000);
    return feed.items.size > 0;
  });
  await clock.advance(60_000);
  expect(feed.isSynced).toBe(false);
  await feeds[Symbol.asyncDispose]();
});
