import { expect, it } from 'vitest';
import { silentLogger } from '../../../src/base/logger.ts';
import { seededRng } from '../../../src/base/rng.ts';
import { createOwnNode } from '../../../src/node-agent/node/own-node.ts';
import type { Node } from '../../../src/schemas/types.ts';
import { createAgentFakeApi } from '../../support/agent-fake-api.ts';
import { createFakeClock, settle } from '../../support/fake-clock.ts';

it('does not bring a deleted node back by the late answer to a write, but believes a list', async () => {
  const api = createAgentFakeApi();
  let deletions = 0;
  const own = createOwnNode({
    ...{ client: api.client, clock: createFakeClock(), rng: seededRng(1), logger: silentLogger },
    nodeName: 'n1',
    onChange: () => undefined,
    onDeleted: () => void (deletions += 1),
  });
  const node: Node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1', uid: 'u1' }, spec: {} };
  api.put('nodes', node);
  own.start();
  await settle();
  const { current } = own;
  expect(current?.metadata.uid).toBe('u1');
  api.remove('nodes', 'n1');
  await settle();
  expect(deletions).toBe(1);
  if (current) own.saw(current);
  expect(own.current).toBeUndefined();
  api.put('nodes', { ...node, metadata: { ...node.metadata, uid: 'u2' } });
  await settle();
  expect(own.current?.metadata.uid).toBe('u2');
  await own[Symbol.asyncDispose]();
});

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
