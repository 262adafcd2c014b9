import { describe, expect, it } from 'vitest';
import { endpointSliceKind } from '../../src/schemas/kinds/endpoint-slice.ts';
import { endpointsKind } from '../../src/schemas/kinds/endpoints.ts';
import type { KubeObject } from '../../src/schemas/object.ts';

type Item = Readonly<Record<string, unknown>>;
const metadata = { name: 'web', namespace: 'default' };
const endpoints = (addresses: readonly Item[]): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Endpoints',
  metadata,
  subsets: [{ addresses, ports: [{ port: 80, protocol: 'TCP' }] }],
});
const slice = (items: readonly Item[]): KubeObject => ({
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata,
  addressType: 'IPv4',
  endpoints: items,
  ports: [],
});
const endpoint = (address: string): Item => ({ addresses: [address], conditions: {} });

describe.each([
  { name: 'Endpoints', kind: endpointsKind, objectOf: endpoints, itemOf: (ip: string): Item => ({ ip }) },
  { name: 'EndpointSlice', kind: endpointSliceKind, objectOf: slice, itemOf: endpoint },
])('items of $name that passed all checks', ({ kind, objectOf, itemOf }) => {
  /** As the writer checks an update. */
  function check(next: KubeObject, current?: KubeObject): readonly string[] {
    const structure = kind.checkStructure(next);
    const errors = [...structure, ...kind.validate(kind.withDefaults(next), current)];
    return errors.map(({ path }) => path);
  }
  const settled = (items: readonly Item[]): KubeObject => {
    const object = kind.withDefaults(objectOf(items));
    expect(check(object)).toEqual([]);
    kind.settle?.(object);
    return object;
  };
  const pathOf = (index: number): string =>
    kind === endpointsKind ? `subsets[0].addresses[${index}]` : `endpoints[${index}]`;

  it('are not read again by an update that keeps them', () => {
    let reads = 0;
    const counted = (ip: string): Item =>
      Object.defineProperty({ ...itemOf(ip) }, 'nodeName', {
        enumerable: true,
        get: () => ((reads += 1), 'node-1'),
      });
    const items = ['10.1.0.1', '10.1.0.2', '10.1.0.3'].map(counted);
    const current = settled(items);
    reads = 0;
    expect(check(objectOf([...items.slice(1), itemOf('10.1.0.4')]), current)).toEqual([]);
    expect(reads).toBe(0);
  });

  it('leave errors of others at their places', () => {
    const items = ['10.1.0.1', '10.1.0.2'].map(itemOf);
    const current = settled(items);
    const wrong = { ...itemOf('10.1.0.3'), nonsense: 1, nodeName: 'No_Node' };
    expect(check(objectOf([...items, wrong]), current)).toEqual([
      `${pathOf(2)}.nonsense`,
      `${pathOf(2)}.nodeName`,
    ]);
  });

  it('are none where only their defaults were filled in', () => {
    const wrong = { ...itemOf('10.1.0.1'), nonsense: 1 };
    const object = kind.withDefaults(kind.withDefaults(objectOf([wrong])));
    expect(check(object)).toEqual([`${pathOf(0)}.nonsense`]);
  });

  it('are no part of another object with the same text', () => {
    settled([itemOf('10.1.0.1')]);
    expect(check(objectOf([{ ...itemOf('10.1.0.1'), nodeName: 'No_Node' }]))).toEqual([
      `${pathOf(0)}.nodeName`,
    ]);
  });
});

it('a default that an endpoint lacks is filled in on a copy', () => {
  const bare = Object.freeze({ addresses: ['10.1.0.1'] });
  const old = Object.freeze({ addresses: ['10.1.0.2'], conditions: {}, deprecatedTopology: { a: 'b' } });
  expect(endpointSliceKind.withDefaults(slice([bare, old]))['endpoints']).toEqual([
    endpoint('10.1.0.1'),
    endpoint('10.1.0.2'),
  ]);
});
