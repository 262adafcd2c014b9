import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  DEFAULT_POD_NETWORK,
  planPodCidrs,
  sliceOf,
} from '../../../src/controllers/node-ipam/plan-pod-cidrs.ts';
import { aNode } from '../../support/builders.ts';

describe('planPodCidrs', () => {
  it('gives the lowest free slices, leaving out slice 0', () => {
    const nodes = [
      aNode({ name: 'b' }),
      aNode({ name: 'a' }),
      aNode({ name: 'c', spec: { podCIDR: '10.244.1.0/24' } }),
    ];
    const { assigned } = planPodCidrs(nodes, DEFAULT_POD_NETWORK);
    expect(assigned.map(({ metadata, spec }) => [metadata.name, spec.podCIDR, spec.podCIDRs])).toEqual([
      ['a', '10.244.2.0/24', ['10.244.2.0/24']],
      ['b', '10.244.3.0/24', ['10.244.3.0/24']],
    ]);
  });

  it('says which nodes get none when all slices are taken', () => {
    const nodes = ['a', 'b', 'c', 'd'].map((name) => aNode({ name }));
    const plan = planPodCidrs(nodes, { clusterCidr: '10.0.0.0/22', nodePrefix: 24 });
    expect(plan.assigned).toHaveLength(3);
    expect(plan.without.map(({ metadata }) => metadata.name)).toEqual(['d']);
  });

  it('refuses a network that cannot be divided', () => {
    expect(() => sliceOf({ clusterCidr: '10.0.0.0/28', nodePrefix: 24 }, 1)).toThrow('Cannot divide');
  });

  it('never gives a slice twice', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: 1, max: 255 }), { maxLength: 40 }),
        fc.nat(60),
        (taken, count) => {
          const old = taken.map((slice) =>
            aNode({ name: `old${String(slice)}`, spec: { podCIDR: `10.244.${String(slice)}.0/24` } }),
          );
          const fresh = Array.from({ length: count }, (_, index) => aNode({ name: `new${String(index)}` }));
          const { assigned } = planPodCidrs([...old, ...fresh], DEFAULT_POD_NETWORK);
          const all = [...old, ...assigned].map(({ spec }) => spec.podCIDR);
          expect(new Set(all).size).toBe(all.length);
          expect(assigned).toHaveLength(count);
        },
      ),
    );
  });
});
