import { expect, it } from 'vitest';
import type { Event } from '../../../src/schemas/types.ts';
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
