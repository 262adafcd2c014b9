import { expect, it } from 'vitest';
import { planLocalNodes } from '../../../src/server/start/plan-local-nodes.ts';

const some = { nodeName: undefined, nodes: 3, dockerHosts: [], runtime: 'docker' } as const;

it('lets the nodes of one machine share it', () => {
  expect(planLocalNodes(some)).toEqual(
    [0, 1, 2].map((index) => ({
      nodeName: `node-${index + 1}`,
      dockerHost: undefined,
      share: { index, count: 3 },
    })),
  );
});

it('deals nodes out over the engines, of which one that is named twice is one', () => {
  const dockerHosts = ['tcp://a', 'tcp://b', 'tcp://a'];
  const nodes = planLocalNodes({ ...some, nodeName: 'host', nodes: 5, dockerHosts });
  expect(nodes).toEqual([
    { nodeName: 'host-1', dockerHost: 'tcp://a', share: { index: 0, count: 3 } },
    { nodeName: 'host-2', dockerHost: 'tcp://b', share: { index: 0, count: 2 } },
    { nodeName: 'host-3', dockerHost: 'tcp://a', share: { index: 1, count: 3 } },
    { nodeName: 'host-4', dockerHost: 'tcp://a', share: { index: 2, count: 3 } },
    { nodeName: 'host-5', dockerHost: 'tcp://b', share: { index: 1, count: 2 } },
  ]);
});

it('leaves each hollow node a machine of its own', () => {
  expect(planLocalNodes({ ...some, runtime: 'hollow' }).map(({ share }) => share)).toEqual(
    Array.from({ length: 3 }, () => undefined),
  );
});
