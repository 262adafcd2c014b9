/**
 * The Endpoints and the EndpointSlice `default/kubernetes`, which hold the API servers that live.
 */
import { jsonEqual } from '../base/json.ts';
import type { BoundWriter } from '../resources/writing/write-plan.ts';
import { isStatusError } from '../schemas/errors/status.ts';
import { type KubeObject, keyOf } from '../schemas/object.ts';
import type { CacheSet, ResourceCache } from '../store/cache/cache.ts';

/** Publishes `ip:port` of each server. They are expected to share a port, as upstream's. */
export async function openEndpoints(
  caches: CacheSet,
  writer: BoundWriter,
): Promise<(servers: readonly string[]) => Promise<void>> {
  const endpoints = await caches.open('endpoints');
  const slices = await caches.open('endpointslices.discovery.k8s.io');
  return async (servers) => {
    const [endpointsObject, slice] = objectsFor(servers);
    await keep(writer, endpoints, ['subsets'], endpointsObject);
    if (slice) await keep(writer, slices, ['endpoints', 'ports'], slice);
  };
}

function objectsFor(servers: readonly string[]): readonly [KubeObject, KubeObject?] {
  const split = [...new Set(servers)].sort().map((endpoint) => {
    const at = endpoint.lastIndexOf(':');
    return { ip: endpoint.slice(0, at), port: Number(endpoint.slice(at + 1)) };
  });
  const ports = [...new Set(split.map(({ port }) => port))].sort((a, b) => a - b);
  const metadata = { name: 'kubernetes', namespace: 'default' };
  const portOf = (port: number): object => ({ name: 'https', port, protocol: 'TCP' });
  const addressesAt = (port: number): readonly string[] =>
    split.filter((endpoint) => endpoint.port === port).map(({ ip }) => ip);
  const subsets = ports.map((port) => ({
    addresses: addressesAt(port).map((ip) => ({ ip })),
    ports: [portOf(port)],
  }));
  const [first] = ports;
  const object = {
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata: { ...metadata, labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' } },
    ...(subsets.length === 0 ? {} : { subsets }),
  };
  if (first === undefined) return [object];
  const slice = {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { ...metadata, labels: { 'kubernetes.io/service-name': 'kubernetes' } },
    addressType: 'IPv4',
    endpoints: addressesAt(first).map((ip) => ({ addresses: [ip], conditions: { ready: true } })),
    ports: [portOf(first)],
  };
  return [object, slice];
}

async function keep(
  writer: BoundWriter,
  cache: ResourceCache,
  fields: readonly string[],
  wanted: KubeObject,
): Promise<void> {
  const found = cache.get(keyOf(wanted));
  try {
    if (!found) await writer.write({ writes: [{ verb: 'create', object: wanted }] });
    else if (fields.some((field) => !jsonEqual(found[field], wanted[field])))
      await writer.write({ writes: [{ verb: 'update', object: { ...wanted, metadata: found.metadata } }] });
  } catch (error) {
    // Another server was faster; the next round looks again.
    if (!isStatusError(error, 'Conflict') && !isStatusError(error, 'AlreadyExists')) throw error;
  }
}
