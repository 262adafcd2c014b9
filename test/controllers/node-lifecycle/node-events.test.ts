import { expect, it } from 'vitest';
import {
  DEFAULT_NODE_HEALTH,
  nodeLifecycle,
} from '../../../src/controllers/node-lifecycle/node-lifecycle-controller.ts';
import { runController } from '../../../src/controllers/run-controller.ts';
import type { Event, Node } from '../../../src/schemas/types.ts';
import { aNode } from '../../support/builders.ts';
import { startTestCluster } from '../../support/cluster.ts';
import { settle } from '../../support/fake-clock.ts';

it('events of a node have its uid, also when it is gone', async () => {
  await using cluster = await startTestCluster();
  const { objects, context, store } = cluster;
  const { metadata } = await objects.create(aNode({ name: 'n1' }));
  await settle(20);
  await objects.delete(context.registry.byKind('v1', 'Node')!, 'n1');
  await settle(20);
  await context.events.flush();
  const events = (await store.list('events')).objects as readonly Event[];
  const uids = events.map(({ reason, involvedObject }) => [reason, involvedObject.uid]);
  expect(uids.sort()).toEqual([
    ['RegisteredNode', metadata.uid],
    ['RemovingNode', metadata.uid],
  ]);
});

it('a node that falls silent is noticed although the clock is set back by a day', async () => {
  const nodeHealth = { ...DEFAULT_NODE_HEALTH, gracePeriodMs: 1_000_000_000 };
  await using cluster = await startTestCluster({ nodeHealth });
  let shiftMs = 0;
  const clock = { ...cluster.clock, now: () => cluster.clock.now() + shiftMs };
  const running = await runController(nodeLifecycle(DEFAULT_NODE_HEALTH), { ...cluster.context, clock });
  for (const name of ['n1', 'n2']) await cluster.objects.create(aNode({ name }));
  await cluster.clock.advance(10_000);
  shiftMs = -86_400_000;
  await cluster.clock.advance(90_000);
  const node = (await cluster.store.get('nodes', 'n1')) as Node;
  expect(node.status?.conditions?.find(({ type }) => type === 'Ready')?.status).toBe('Unknown');
  await running[Symbol.asyncDispose]();
});
