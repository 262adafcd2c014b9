import { expect, it } from 'vitest';
import { planNodeIpam } from '../../../src/controllers/node-ipam/plan-node-ipam.ts';
import { sliceOf } from '../../../src/controllers/node-ipam/plan-pod-cidrs.ts';
import type { Node } from '../../../src/schemas/types.ts';
import { aNode } from '../../support/builders.ts';

const network = { clusterCidr: '10.0.0.0/8', nodePrefix: 24 };

/** Counts how often members of nodes are read while slices are planned for so many of them. */
function readsFor(count: number): number {
  let reads = 0;
  const counted = (node: Node): Node =>
    new Proxy(node, {
      get(target, name, receiver) {
        reads += 1;
        return Reflect.get(target, name, receiver) as unknown;
      },
    });
  const nodes = Array.from({ length: count }, (_, n) => {
    const podCIDR = n % 2 === 0 ? sliceOf(network, n + 1) : undefined;
    return counted(aNode({ name: `n${n}`, ...(podCIDR ? { spec: { podCIDR } } : {}) }));
  });
  // Addresses of pods whose node is gone.
  const held = Array.from({ length: count }, (_, n) => `10.200.${n >> 8}.${n & 255}/32`);
  const view = { nodes, network, held, after: 0, told: new Set<string>() };
  const { writes } = planNodeIpam(view, 0);
  expect(writes).toHaveLength(count / 2);
  const slices = [...nodes, ...writes.map(({ object }) => object as Node)].map(({ spec }) => spec.podCIDR);
  expect(new Set(slices.filter((slice) => slice !== undefined)).size).toBe(count);
  return reads;
}

it('the work of a plan grows with the number of nodes, and not with its square', () => {
  // Nodes are sorted by age, so a little more than in proportion.
  expect(readsFor(2_000) / readsFor(500)).toBeLessThan(6);
});
