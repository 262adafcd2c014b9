import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { packSlices } from '../../../src/controllers/endpoint-slice/pack-slices.ts';
import type { Endpoint, EndpointSlice, Pod, Service } from '../../../src/schemas/types.ts';
import { aNode } from '../../support/builders.ts';
import { anEndpointPod, aService, endpointsIn, podNames, sliceWorld } from './world.ts';

const ipOf = (index: number): string => `10.1.${String(index >> 8)}.${String((index & 255) + 1)}`;
const podsOf = (count: number, from = 0): Pod[] =>
  Array.from({ length: count }, (_, index) =>
    anEndpointPod(`p${String(from + index).padStart(4, '0')}`, ipOf(from + index)),
  );
const sizes = (slices: readonly EndpointSlice[]): number[] =>
  slices.map(({ endpoints }) => (endpoints ?? []).length).sort((a, b) => b - a);

describe('packing', () => {
  it('fills slices of at most a hundred endpoints', () => {
    const world = sliceWorld();
    world.reconcile(podsOf(250));
    expect(sizes(world.slices)).toEqual([100, 100, 50]);
  });

  it('writes one slice when one of 2,000 pods becomes unready, and nothing when nothing changes', () => {
    const world = sliceWorld();
    const pods = podsOf(2000);
    world.reconcile(pods);
    expect(world.slices).toHaveLength(20);
    expect(world.reconcile(pods).writes).toEqual([]);
    pods[777] = anEndpointPod('p0777', ipOf(777), { ready: false });
    expect(world.reconcile(pods).writes).toHaveLength(1);
  });

  it('puts new endpoints into slices that change anyway', () => {
    const world = sliceWorld();
    const pods = podsOf(200);
    world.reconcile(pods);
    const { writes } = world.reconcile([...pods.slice(0, 42), ...pods.slice(43), ...podsOf(1, 200)]);
    expect(writes.map(({ verb }) => verb)).toEqual(['update']);
    expect(sizes(world.slices)).toEqual([100, 100]);
  });

  it('puts a few new endpoints into the one slice that they fill best', () => {
    const world = sliceWorld();
    world.reconcile(podsOf(160));
    const pods = podsOf(160).filter((_, index) => index % 10 !== 0);
    world.reconcile(pods);
    expect(sizes(world.slices)).toEqual([90, 54]);
    expect(world.reconcile([...pods, ...podsOf(8, 200)]).writes).toHaveLength(1);
    expect(sizes(world.slices)).toEqual([98, 54]);
    expect(world.reconcile([...pods, ...podsOf(8, 200), ...podsOf(20, 300)]).writes).toHaveLength(1);
    expect(sizes(world.slices)).toEqual([98, 74]);
  });

  it('uses a slice that would be deleted for one that would be created', () => {
    const world = sliceWorld();
    world.reconcile(podsOf(3));
    const [before] = world.slices;
    const service = aService({ ports: [{ port: 80, protocol: 'TCP', targetPort: 9090 }] });
    const { writes } = world.reconcile(podsOf(3), { service });
    expect(writes.map(({ verb }) => verb)).toEqual(['update']);
    expect(world.slices[0]?.metadata.name).toBe(before?.metadata.name);
    expect(world.slices[0]?.ports).toEqual([{ name: '', port: 9090, protocol: 'TCP' }]);
  });

  it('keeps one empty slice for a Service without endpoints', () => {
    const world = sliceWorld();
    world.reconcile([]);
    expect(sizes(world.slices)).toEqual([0]);
    expect(world.reconcile([]).writes).toEqual([]);
    world.reconcile(podsOf(2));
    expect(sizes(world.slices)).toEqual([2]);
  });

  const change = fc.record({
    index: fc.nat(39),
    to: fc.constantFrom<'ready' | 'unready' | 'gone' | 'failed' | 'leaving'>(
      'ready',
      'unready',
      'gone',
      'failed',
      'leaving',
    ),
    port: fc.constantFrom(8080, 9090),
  });

  it('holds each endpoint once, moves none that stays, and comes to rest', () => {
    fc.assert(
      fc.property(fc.array(fc.array(change, { maxLength: 15 }), { maxLength: 8 }), (rounds) => {
        const service = aService({
          ports: [{ name: 'http', port: 80, protocol: 'TCP', targetPort: 'http' }],
        });
        const world = sliceWorld(service);
        const pods = new Map<number, Pod>();
        const home = new Map<string, string>();
        for (const round of rounds) {
          for (const { index, to, port } of round) {
            const ports = [
              {
                name: 'http',
                containerPort: pods.get(index)?.spec.containers[0]?.ports?.[0]?.containerPort ?? port,
                protocol: 'TCP' as const,
              },
            ];
            if (to === 'gone') pods.delete(index);
            else
              pods.set(
                index,
                anEndpointPod(`p${String(index)}`, ipOf(index), {
                  ready: to === 'ready',
                  ...(to === 'failed' ? { phase: 'Failed' } : { phase: 'Running' }),
                  ...(to === 'leaving' ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}),
                  spec: { containers: [{ name: 'c', image: 'i', ports }] },
                }),
              );
          }
          world.reconcile([...pods.values()]);
          expect(world.reconcile([...pods.values()]).writes).toEqual([]);
          const expected = [...pods.values()].filter(({ status }) => status?.phase !== 'Failed');
          const found = endpointsIn(world.slices);
          expect(found.map(({ targetRef }) => targetRef?.name).sort()).toEqual(
            expected.map(({ metadata }) => metadata.name).sort(),
          );
          for (const slice of world.slices)
            for (const { targetRef, conditions } of slice.endpoints ?? []) {
              const pod = expected.find(({ metadata }) => metadata.name === targetRef?.name);
              const isReady = pod?.status?.conditions?.[0]?.status === 'True';
              expect(conditions?.ready).toBe(isReady && pod.metadata.deletionTimestamp === undefined);
              expect(slice.ports?.[0]?.port).toBe(pod?.spec.containers[0]?.ports?.[0]?.containerPort);
              const name = `${targetRef?.name ?? ''} ${String(slice.ports?.[0]?.port)}`;
              expect(home.get(name) ?? slice.metadata.name).toBe(slice.metadata.name);
            }
          home.clear();
          for (const slice of world.slices)
            for (const name of podNames(slice))
              home.set(`${name ?? ''} ${String(slice.ports?.[0]?.port)}`, slice.metadata.name);
        }
      }),
    );
  });
});

describe('an endpoint', () => {
  const only = (service: Service, pod: Pod, nodes = [aNode()]): unknown => {
    const world = sliceWorld(service, nodes);
    world.reconcile([pod]);
    return endpointsIn(world.slices)[0];
  };
  const leaving = { deletionTimestamp: '2026-01-01T00:00:10Z' };

  it.each([
    ['a ready pod', {}, {}, { ready: true, serving: true, terminating: false }],
    ['an unready pod', { ready: false }, {}, { ready: false, serving: false, terminating: false }],
    ['a ready pod that is leaving', leaving, {}, { ready: false, serving: true, terminating: true }],
    [
      'an unready pod that is published anyway',
      { ready: false, ...leaving },
      { publishNotReadyAddresses: true },
      { ready: true, serving: false, terminating: true },
    ],
  ])('says the conditions of %s', (_, pod, spec, conditions) => {
    expect(only(aService(spec), anEndpointPod('a', '10.1.0.1', { phase: 'Running', ...pod }))).toMatchObject({
      conditions,
    });
  });

  it('has the hostname only in the Service that is the subdomain of the pod', () => {
    const pod = (subdomain: string): Pod =>
      anEndpointPod('a', '10.1.0.1', { spec: { hostname: 'db-0', subdomain } });
    expect(only(aService(), pod('web'))).toMatchObject({ hostname: 'db-0' });
    expect(only(aService(), pod('other'))).not.toHaveProperty('hostname');
  });

  it('has the zone of its node, and is left out when the node is gone', () => {
    const zoned = aNode({ labels: { 'topology.kubernetes.io/zone': 'z1' } });
    expect(only(aService(), anEndpointPod('a', '10.1.0.1'), [zoned])).toMatchObject({ zone: 'z1' });
    const world = sliceWorld(aService(), []);
    const plan = world.reconcile([anEndpointPod('a', '10.1.0.1')]);
    expect(endpointsIn(world.slices)).toEqual([]);
    expect(plan.events?.map(({ args }) => args[1])).toEqual([
      'skipping Pod a for Service default/web: Node n1 Not Found',
    ]);
  });

  it('of an address that the API refuses keeps no other out', () => {
    const world = sliceWorld();
    const plan = world.reconcile([anEndpointPod('bad', '127.0.0.1'), anEndpointPod('good', '10.1.0.1')]);
    expect(podNames(world.slices[0])).toEqual(['good']);
    expect(plan.events?.[0]?.args[1]).toMatch(/^skipping Pod bad .*loopback/);
  });
});

describe('slices', () => {
  it('exist for each family, and go with it', () => {
    const world = sliceWorld();
    const ips = { podIPs: [{ ip: '10.1.0.1' }, { ip: 'FD00::0001' }] };
    const pod = anEndpointPod('a', '10.1.0.1', { status: ips });
    world.reconcile([pod], { service: aService({ ipFamilies: ['IPv4', 'IPv6'] }) });
    expect(
      world.slices.map(({ addressType, endpoints }) => [addressType, endpoints?.[0]?.addresses]),
    ).toEqual([
      ['IPv4', ['10.1.0.1']],
      ['IPv6', ['fd00::1']],
    ]);
    world.reconcile([pod]);
    expect(world.slices.map(({ addressType }) => addressType)).toEqual(['IPv4']);
  });

  it('have the labels of the Service, but those that say what a slice is', () => {
    const labels = { x: 'y', 'kubernetes.io/service-name': 'other', 'service.kubernetes.io/headless': 'no' };
    const world = sliceWorld(aService({}, { labels }));
    world.reconcile([]);
    const managed = {
      'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
      'kubernetes.io/service-name': 'web',
    };
    expect(world.slices[0]?.metadata.labels).toEqual({ x: 'y', ...managed });
    world.reconcile([], { service: aService({ clusterIP: 'None' }, { labels: { x: 'z' } }) });
    expect(world.slices.map(({ metadata }) => metadata.labels)).toEqual([
      { x: 'z', ...managed, 'service.kubernetes.io/headless': '' },
    ]);
  });

  it('of a former Service of the name are deleted, not taken over', () => {
    const world = sliceWorld();
    world.reconcile(podsOf(2));
    const former = world.slices[0]?.metadata.name;
    world.reconcile(podsOf(2), { service: aService({}, { uid: 'another' }) });
    expect(world.slices).toHaveLength(1);
    expect(world.slices[0]?.metadata.name).not.toBe(former);
  });

  it('of a Service that is being deleted are not created', () => {
    const world = sliceWorld();
    const service = aService({}, { deletionTimestamp: '2026-01-01T00:00:00Z' });
    expect(world.reconcile(podsOf(2), { service }).writes).toEqual([]);
  });

  it('sort several ports as Kubernetes does', () => {
    const named = (name: string, port: number) => ({
      name,
      port,
      protocol: 'TCP' as const,
      targetPort: port,
    });
    const service = aService({ ports: [named('http', 80), named('https', 443), named('metrics', 9090)] });
    const reversed = aService({ ports: [...(service.spec.ports ?? [])].reverse() });
    const world = sliceWorld();
    world.reconcile(podsOf(1), { service });
    expect(world.reconcile(podsOf(1), { service: reversed }).writes).toEqual([]);
  });
});

it('a slice whose endpoints are the very same as the desired ones is not compared', () => {
  let reads = 0;
  const counted = (index: number, ready: boolean): Endpoint =>
    Object.defineProperty({ conditions: { ready } } as Endpoint, 'addresses', {
      enumerable: true,
      get: () => ((reads += 1), [`10.1.0.${String(index)}`]),
    });
  const desired = Array.from({ length: 200 }, (_, index) => counted(index, true));
  const slices = [desired.slice(0, 100), desired.slice(100)].map(
    (endpoints) => ({ endpoints }) as EndpointSlice,
  );
  const { drafts } = packSlices(slices, desired.with(7, counted(7, false)), () => false);
  expect(drafts.map(({ isChanged }) => isChanged)).toEqual([true, false]);
  expect(reads).toBeLessThanOrEqual(101);
});
