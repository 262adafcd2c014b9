import { describe, expect, it } from 'vitest';
import { zoneShares } from '../../../src/controllers/endpoint-slice/topology-hints.ts';
import type { Node, Pod } from '../../../src/schemas/types.ts';
import { aNode } from '../../support/builders.ts';
import { anEndpointPod, aService, endpointsIn, type SliceWorld, sliceWorld } from './world.ts';

const ZONE = 'topology.kubernetes.io/zone';
const zoned = (name: string, zone: string, cpu = '4'): Node =>
  aNode({ name, labels: { [ZONE]: zone }, allocatable: { cpu } });
const nodes = [zoned('na', 'a'), zoned('nb', 'b')];
const podOn = (node: string, index: number, ready = true): Pod =>
  anEndpointPod(`${node}-${String(index)}`, `10.1.0.${String(index + 1)}`, { node, ready });
const hintsOf = ({ slices }: SliceWorld): unknown[] => endpointsIn(slices).map(({ hints }) => hints);

describe('traffic distribution', () => {
  const pods = [podOn('na', 1), podOn('nb', 2), podOn('nb', 3, false)];
  it.each([
    ['PreferClose', [{ forZones: [{ name: 'a' }] }, { forZones: [{ name: 'b' }] }, undefined]],
    ['PreferSameZone', [{ forZones: [{ name: 'a' }] }, { forZones: [{ name: 'b' }] }, undefined]],
    [
      'PreferSameNode',
      [
        { forZones: [{ name: 'a' }], forNodes: [{ name: 'na' }] },
        { forZones: [{ name: 'b' }], forNodes: [{ name: 'nb' }] },
        undefined,
      ],
    ],
  ])('%s names the zone, and the node where asked, of ready endpoints', (trafficDistribution, hints) => {
    const service = aService({ trafficDistribution });
    const world = sliceWorld(service, nodes);
    world.reconcile(pods);
    expect(hintsOf(world)).toEqual(hints);
    expect(world.reconcile(pods).writes).toEqual([]);
    world.reconcile(pods, { service: aService() });
    expect(hintsOf(world)).toEqual([undefined, undefined, undefined]);
  });
});

describe('topology mode Auto', () => {
  const service = aService({}, { annotations: { 'service.kubernetes.io/topology-mode': 'Auto' } });
  const shares = zoneShares(nodes);
  const zonesOf = (world: SliceWorld): unknown[] =>
    endpointsIn(world.slices).map(({ hints }) => hints?.forZones?.[0]?.name);
  const reasons = (plan: { readonly events?: readonly { readonly event: string }[] }): unknown =>
    plan.events?.map(({ event }) => event);

  it('gives zones endpoints by their share of the CPUs, and says it once', () => {
    const world = sliceWorld(service, nodes);
    const pods = [1, 2, 3, 4].map((index) => podOn(index === 4 ? 'nb' : 'na', index));
    expect(reasons(world.reconcile(pods, { shares }))).toEqual(['hintsEnabled']);
    expect(zonesOf(world).sort()).toEqual(['a', 'a', 'b', 'b']);
    const again = world.reconcile(pods, { shares });
    expect([again.writes, again.events]).toEqual([[], []]);
  });

  it('takes hints away, with the reason, where there are too few endpoints or nodes say too little', () => {
    const world = sliceWorld(service, nodes);
    const pods = [podOn('na', 1), podOn('nb', 2)];
    world.reconcile(pods, { shares });
    expect(zonesOf(world)).toEqual(['a', 'b']);
    const few = world.reconcile(pods.slice(1), { shares });
    expect(few.events?.[0]?.args[0]).toBe('Insufficient number of endpoints (1 endpoints, 2 zones)');
    expect(zonesOf(world)).toEqual([undefined]);
    const [none] = world.reconcile(pods).events ?? [];
    expect(none?.args[0]).toMatch(/^Insufficient Node information/);
  });

  it('knows shares only where each ready node has a zone and CPUs, in two zones at least', () => {
    expect(zoneShares([zoned('x', 'a', '1'), zoned('y', 'b', '3')])).toEqual(
      new Map([
        ['a', 0.25],
        ['b', 0.75],
      ]),
    );
    expect(zoneShares([zoned('x', 'a'), zoned('y', 'a')])).toBeUndefined();
    expect(zoneShares([...nodes, aNode({ name: 'z' })])).toBeUndefined();
    expect(zoneShares([...nodes, aNode({ name: 'z', ready: false })])?.size).toBe(2);
  });
});
