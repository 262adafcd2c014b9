/** Services and slices, as an agent tells them to a DNS server. */
import type { EndpointSlice, Service } from '../../../src/schemas/types.ts';

export const aNamedService = (name: string, clusterIP: string, spec: Record<string, unknown> = {}): Service =>
  ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'shop' },
    spec: {
      clusterIP,
      clusterIPs: clusterIP === '' ? [] : [clusterIP],
      ports: [{ name: 'http', port: 80, protocol: 'TCP' }],
      ...spec,
    },
  }) as unknown as Service;

export const aHeadlessService = (name: string): Service => aNamedService(name, 'None');

export const aNamedSlice = (service: string, addresses: readonly string[]): EndpointSlice =>
  ({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: `${service}-1`,
      namespace: 'shop',
      labels: { 'kubernetes.io/service-name': service },
    },
    addressType: 'IPv4',
    endpoints: addresses.map((address) => ({ addresses: [address] })),
    ports: [{ name: 'sql', port: 5432, protocol: 'TCP' }],
  }) as unknown as EndpointSlice;
