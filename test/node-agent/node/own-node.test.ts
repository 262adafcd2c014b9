import { expect, it } from 'vitest';
import { silentLogger } from '../../../src/base/logger.ts';
import { seededRng } from '../../../src/base/rng.ts';
import { createOwnNode } from '../../../src/node-agent/node/own-node.ts';
import type { Node } from '../../../src/schemas/types.ts';
import { createAgentFakeApi } from '../../support/agent-fake-api.ts';
import { createFakeClock, settle } from '../../support/fake-clock.ts';

it('keeps the newest version: the answer to a write may come after what the watch shows', async () => {
  const api = createAgentFakeApi();
  const seen: (string | undefined)[] = [];
  const own = createOwnNode({
    ...{ client: api.client, clock: createFakeClock(), rng: seededRng(1), logger: silentLogger },
    nodeName: 'n1',
    onChange: ({ spec }) => void seen.push(spec.podCIDR),
    onDeleted: () => void seen.push('deleted'),
  });
  const put = (spec: Node['spec']): Node => {
    api.put('nodes', { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1', uid: 'u1' }, spec });
    const node = api.get<Node>('nodes', 'n1');
    if (!node) throw new Error('the node was put');
    return node;
  };
  const written = put({});
  own.start();
  await settle();
  put({ podCIDR: '10.244.7.0/24' });
  await settle();
  own.saw(written);
  expect(own.current?.spec.podCIDR).toBe('10.244.7.0/24');
  expect(seen).toEqual([undefined, '10.244.7.0/24']);
  // A node that was made anew counts, whatever its version.
  const renewed = { ...written, metadata: { ...written.metadata, uid: 'u2' } };
  own.saw(renewed);
  expect(own.current).toBe(renewed);
  await own[Symbol.asyncDispose]();
});
