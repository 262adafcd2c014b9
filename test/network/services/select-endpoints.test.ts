import { describe, expect, it } from 'vitest';
import { selectEndpoints } from '../../../src/network/services/select-endpoints.ts';
import type { EndpointSlice } from '../../../src/schemas/types.ts';
import { aService, aSlice } from '../../support/services.ts';

const service = aService();
const [port] = service.spec.ports!;
const here = { nodes: new Set(['host']), zone: 'a' };
const addresses = (slice: EndpointSlice, scope: 'cluster' | 'local' = 'cluster'): readonly string[] =>
  selectEndpoints(port!, [slice], 'IPv4', here)[scope].map(({ address }) => address);

describe('addresses that no slice leads to', () => {
  it.each([
    '127.0.0.1',
    '127.8.8.8',
    '169.254.169.254',
    '224.0.0.1',
    '239.1.2.3',
    '0.0.0.0',
    '255.255.255.255',
    '010.0.0.1',
    'example.org',
  ])('%s', (address) => {
    expect(addresses(aSlice(service, [{ address }, { address: '10.244.1.2' }]))).toEqual(['10.244.1.2']);
  });
});

/** An endpoint for each letter, with hints. */
function hinted(...hints: readonly (Record<string, unknown> | undefined)[]): EndpointSlice {
  const slice = aSlice(
    service,
    hints.map((_, index) => ({ address: `10.244.1.${index}`, node: `n${index}` })),
  );
  const endpoints = (slice.endpoints ?? []).map((endpoint, index) => ({ ...endpoint, hints: hints[index] }));
  return { ...slice, endpoints } as EndpointSlice;
}
const zone = (name: string): Record<string, unknown> => ({ forZones: [{ name }] });
const node = (name: string): Record<string, unknown> => ({ ...zone('b'), forNodes: [{ name }] });

describe('hints', () => {
  it('keep traffic in the zone, when every endpoint has one', () => {
    expect(addresses(hinted(zone('a'), zone('b'), zone('a')))).toEqual(['10.244.1.0', '10.244.1.2']);
    expect(addresses(hinted(zone('a'), undefined))).toEqual(['10.244.1.0', '10.244.1.1']);
  });

  it('do not count where no endpoint is for this zone', () => {
    expect(addresses(hinted(zone('b'), zone('c')))).toEqual(['10.244.1.0', '10.244.1.1']);
  });

  it('keep traffic on the node before they keep it in the zone', () => {
    expect(addresses(hinted(node('host'), node('far')))).toEqual(['10.244.1.0']);
    expect(addresses(hinted(node('far'), node('further')))).toEqual(['10.244.1.0', '10.244.1.1']);
  });
});

describe('endpoints that end', () => {
  const ending = { address: '10.244.1.9', ready: false, serving: true };

  it('serve only while there is no other, of the host alone where the policy is Local', () => {
    const far = { address: '10.244.2.2', node: 'far' };
    expect(addresses(aSlice(service, [ending, far]))).toEqual(['10.244.2.2']);
    expect(addresses(aSlice(service, [ending, far]), 'local')).toEqual(['10.244.1.9']);
    expect(addresses(aSlice(service, [ending]))).toEqual(['10.244.1.9']);
    expect(addresses(aSlice(service, [{ ...ending, serving: false }]))).toEqual([]);
  });
});
