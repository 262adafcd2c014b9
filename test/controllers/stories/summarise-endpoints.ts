/** The summaries of Endpoints and EndpointSlices. */
import type { EndpointAddress, Endpoints, EndpointSlice } from '../../../src/schemas/types.ts';
import type { ObjectSummary } from './summarise.ts';

export function summariseEndpoints({ metadata, subsets }: Endpoints): ObjectSummary {
  const names = (list: readonly EndpointAddress[]): unknown =>
    list.map(({ targetRef, ip }) => targetRef?.name ?? ip).sort();
  const short = (subsets ?? []).map(({ addresses = [], notReadyAddresses = [], ports = [] }) => ({
    ...(addresses.length > 0 ? { addresses: names(addresses) } : {}),
    ...(notReadyAddresses.length > 0 ? { notReady: names(notReadyAddresses) } : {}),
    ports: ports.map(({ name, port, protocol }) => ({ ...(name ? { name } : {}), port, protocol })),
  }));
  return { labels: metadata.labels, ...(short.length > 0 ? { subsets: short } : {}) };
}

export function summariseSlice({ addressType, endpoints, ports }: EndpointSlice): ObjectSummary {
  const list = (endpoints ?? []).map(({ conditions, targetRef }) => ({
    conditions: ['ready', 'serving', 'terminating']
      .map((name) => `${name}=${String(conditions?.[name as 'ready'])}`)
      .join(','),
    pod: targetRef?.name,
  }));
  const short = (ports ?? []).map(({ name, port, protocol }) => ({ name, port, protocol }));
  return {
    ...(list.length > 0 ? { endpoints: list.sort((a, b) => ((a.pod ?? '') < (b.pod ?? '') ? -1 : 1)) } : {}),
    ...(short.length > 0 ? { ports: short } : {}),
    type: addressType,
  };
}
