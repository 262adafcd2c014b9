/** The end of a rebuild: which nodes are listed as those that did not report. */
import { expect, it } from 'vitest';
import { createAbort } from '../../../src/base/abort.ts';
import { namesIn, UNREPORTED_KEY } from '../../../src/schemas/unreported-nodes.ts';
import type { ConfigMap } from '../../../src/schemas/types.ts';
import { createClusterCondition } from '../../../src/server/history/cluster-condition.ts';
import { rebuild } from '../../../src/server/history/rebuild.ts';
import { silentLogger } from '../../../src/base/logger.ts';
import { startTestCluster } from '../../support/cluster.ts';

it.each([
  ['lists nodes that stayed away', ['here', 'away'], ['away']],
  ['makes no list when all came', ['here'], []],
  ['makes no list when nobody remembers any', undefined, []],
])('a rebuild %s', async (_, expectedNodes, listed) => {
  await using cluster = await startTestCluster();
  const { store, clock, objects, context } = cluster;
  await objects.create({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'here' }, spec: {} });
  const state = await store.clusterState();
  await store.setClusterState({ epoch: 'e', ...state, phase: 'rebuilding' }, state);
  const condition = createClusterCondition('rebuilding');
  const parts = {
    store,
    writer: objects,
    caches: context.caches,
    registry: context.registry,
    clock,
    logger: silentLogger,
    condition,
    expectedNodes,
  };
  const applications = { syncAllOnce: async () => ({}) as never };
  const done = rebuild(parts, applications, createAbort().signal);
  for (let waited = 0; waited < 40 && !condition.mayAct(); waited += 1) await clock.advance(1_000);
  await done;
  const list = (await store.get('configmaps', UNREPORTED_KEY)) as ConfigMap | undefined;
  expect(namesIn(list)).toEqual(listed);
  expect((await store.clusterState())?.phase).toBe('normal');
});
