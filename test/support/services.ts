/** Builders of Services and of their EndpointSlices. */
import type { EndpointSlice, Service } from '../../src/schemas/types.ts';

export interface EndpointFacts {
  readonly address: string;
  readonly node?: string;
  readonly ready?: boolean;
  readonly serving?: boolean;
}

export const aService = (
  spec: Record<string, unknown> = {},
  metadata: Record<string, unknown> = {},
): Service =>
  ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web', namespace: 'default', ...metadata },
    spec: { clusterIPs: ['10.96.0.50'], ports: [{ port: 80, protocol: 'TCP' }], ...spec },
  }) as unknown as Service;

/** One slice with all endpoints; its ports lead to 8080. */
export function aSlice(service: Service, endpoints: readonly EndpointFacts[]): EndpointSlice {
  const { name, namespace } = service.metadata;
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: `${name}-1`, namespace, labels: { 'kubernetes.io/service-name': name } },
    addressType: 'IPv4',
    ports: (service.spec.ports ?? []).map(({ name: port = '', protocol }) => ({
      name: port,
      port: 8080,
      protocol,
    })),
    endpoints: endpoints.map(({ address, node = 'host', ready = true, serving = ready }) => ({
      addresses: [address],
      nodeName: node,
      conditions: { ready, serving, terminating: !ready },
    })),
  } as unknown as EndpointSlice;
}
