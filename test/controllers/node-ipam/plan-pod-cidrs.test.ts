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

  it('keeps what nodes have from other networks and sizes, and gives nothing that overlaps with it', () => {
    const nodes = [
      aNode({ name: 'elsewhere', spec: { podCIDR: '10.9.1.0/24' } }),
      aNode({ name: 'wide', spec: { podCIDR: '10.0.0.0/24' } }),
      aNode({ name: 'narrow', spec: { podCIDR: '10.0.1.16/28', podCIDRs: ['10.0.1.16/28', 'fd00::/64'] } }),
      aNode({ name: 'new' }),
    ];
    const { assigned, doubled } = planPodCidrs(nodes, { clusterCidr: '10.0.0.0/16', nodePrefix: 26 });
    expect(assigned.map(({ metadata, spec }) => [metadata.name, spec.podCIDR])).toEqual([
      ['new', '10.0.1.64/26'],
    ]);
    expect(doubled).toEqual([]);
  });

  it('lets the slices of nodes that are gone rest, and keeps those whose pods may still run', () => {
    const network = { clusterCidr: '10.0.0.0/22', nodePrefix: 24 };
    const spec = { podCIDR: '10.0.2.0/24' };
    const first = planPodCidrs([aNode({ name: 'a' })], network);
    expect([first.last, first.assigned[0]?.spec.podCIDR]).toEqual([1, '10.0.1.0/24']);
    // `a` is gone; its slice is the last that `c` would get.
    const next = planPodCidrs([aNode({ name: 'b', spec }), aNode({ name: 'c' })], network, {
      after: first.last,
    });
    expect([next.last, next.assigned[0]?.spec.podCIDR]).toEqual([3, '10.0.3.0/24']);
    const held = ['10.0.1.0/24', '10.0.3.7/32', '', 'fd00::1/32'];
    const full = planPodCidrs([aNode({ name: 'b', spec }), aNode({ name: 'd' })], network, {
      held,
      after: 3,
    });
    expect([full.last, full.without.length]).toEqual([3, 1]);
    const free = planPodCidrs([aNode({ name: 'b', spec }), aNode({ name: 'd' })], network, {
      held: held.slice(1),
      after: 3,
    });
    expect(free.assigned[0]?.spec.podCIDR).toBe('10.0.1.0/24');
  });

  it('names the younger of two nodes whose slices overlap', () => {
    const old = { creationTimestamp: '2020-01-01T00:00:00Z' };
    const nodes = [
      aNode({ name: 'a', spec: { podCIDR: '10.244.1.0/24' } }),
      aNode({ name: 'b', spec: { podCIDR: '10.244.0.0/22' }, ...old }),
      aNode({ name: 'c', spec: { podCIDR: '10.244.4.0/24' } }),
      aNode({ name: 'd', spec: { podCIDR: '10.244.3.128/25' } }),
    ];
    const { doubled } = planPodCidrs(nodes, DEFAULT_POD_NETWORK);
    expect(doubled.map(({ metadata }) => metadata.name)).toEqual(['a', 'd']);
  });

  it('serves thousands of nodes out of a /12 or with small slices', () => {
    const nodes = Array.from({ length: 4_000 }, (_, index) => aNode({ name: `n${String(index)}` }));
    for (const network of [
      { clusterCidr: '10.16.0.0/12', nodePrefix: 24 },
      { clusterCidr: '10.244.0.0/16', nodePrefix: 28 },
    ]) {
      const { assigned, last } = planPodCidrs(nodes, network);
      expect(new Set(assigned.map(({ spec }) => spec.podCIDR)).size).toBe(4_000);
      expect(last).toBe(4_000);
      expect(planPodCidrs([...assigned, ...nodes.slice(0, 95)], network, { after: last }).without).toEqual(
        [],
      );
    }
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
