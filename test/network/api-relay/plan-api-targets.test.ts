import { describe, expect, it } from 'vitest';
import { apiServers, planApiTargets } from '../../../src/network/api-relay/plan-api-targets.ts';
import type { EndpointSlice } from '../../../src/schemas/types.ts';

const slice = (addresses: readonly string[], more: object = {}): EndpointSlice =>
  ({
    metadata: {
      name: 'kubernetes',
      namespace: 'default',
      labels: { 'kubernetes.io/service-name': 'kubernetes' },
    },
    addressType: 'IPv4',
    ports: [{ name: 'https', port: 6443, protocol: 'TCP' }],
    endpoints: addresses.map((address) => ({ addresses: [address], conditions: { ready: true } })),
    ...more,
  }) as unknown as EndpointSlice;

const server = (address: string) => ({ address, port: 6443, isLocal: false });
const [a, b] = [server('192.0.2.1'), server('192.0.2.2')];

describe('API servers', () => {
  it('are those of the slices that pods could reach', () => {
    const slices = [slice(['192.0.2.1', '127.0.0.1', '169.254.1.1', '192.0.2.2', '192.0.2.1'])];
    expect(apiServers(slices)).toEqual([a, b]);
  });

  it('come from no slice of another Service or family', () => {
    const other = slice(['192.0.2.9'], { metadata: { name: 'kubernetes', namespace: 'shop', labels: {} } });
    expect(
      apiServers([other, slice(['fd00::1'], { addressType: 'IPv6' }), slice([], { endpoints: null })]),
    ).toEqual([]);
  });
});

describe('connections of pods to the API', () => {
  const plan = (facts: Partial<Parameters<typeof planApiTargets>[0]>) =>
    planApiTargets({
      servers: [a, b],
      reached: new Set(),
      isRelayUseful: false,
      before: 'unknown',
      ...facts,
    });

  it('go to the API servers where the host reaches all of them', () => {
    expect(plan({ reached: new Set([a, b]), isRelayUseful: true })).toBe('slices');
  });

  it('go to those that the host reaches where it reaches some', () => {
    expect(plan({ reached: new Set([b]) })).toEqual([b]);
  });

  it('are carried by the agent where the host reaches none, or there are none', () => {
    expect(plan({ isRelayUseful: true })).toBe('relay');
    expect(plan({ servers: [], isRelayUseful: true })).toBe('relay');
  });

  it.each(['relay', 'slices'] as const)('stay as they are while nobody reaches the API: %s', (before) => {
    expect(plan({ before })).toBe(before);
  });
});
