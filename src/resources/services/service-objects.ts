/**
 * Services that are written without a request (the sync worker applies them from Git) get their addresses as all others do.
 */
import { isRecord, jsonEqual } from '../../base/json.ts';
import { keepAllocations } from '../../schemas/kinds/service/allocations.ts';
import { type KubeObject, keyOf } from '../../schemas/object.ts';
import type { Objects, Write } from '../writing/objects.ts';
import type { Store } from '../../store/types.ts';
import type { AskedAddresses, ServiceAllocation } from './service-allocation.ts';

type Written = Exclude<Write, { verb: 'delete' }>;

export function withServiceAddresses(
  objects: Objects,
  services: ServiceAllocation,
  store: Pick<Store, 'getMany'>,
): Objects {
  async function askedOf(writes: readonly Written[]): Promise<ReadonlyMap<Write, AskedAddresses>> {
    const stored = await store.getMany(
      'services',
      writes.map(({ object }) => keyOf(object)),
    );
    const asked = new Map<Write, AskedAddresses>();
    for (const [index, write] of writes.entries()) {
      const current = write.verb === 'update' ? stored[index] : undefined;
      const service = current ? keepAllocations(write.object, current) : write.object;
      if (current && jsonEqual(addressesOf(service), addressesOf(current))) continue;
      asked.set(write, { service, current });
    }
    return asked;
  }

  const apply: Objects['apply'] = async (writes, options) => {
    const concerned = writes.filter(isServiceWrite);
    const asked = concerned.length === 0 ? new Map<Write, AskedAddresses>() : await askedOf(concerned);
    if (asked.size === 0) return objects.apply(writes, options);
    return services.allocateAll([...asked.values()], (complete) => {
      const order = [...asked.keys()];
      const completed = writes.map((write) => {
        const object = complete[order.indexOf(write)];
        return object && write.verb !== 'delete' ? { ...write, object } : write;
      });
      return objects.apply(completed, options);
    });
  };

  return { ...objects, apply };
}

/** What validation refuses is left for it. */
function isServiceWrite(write: Write): write is Written {
  if (write.verb === 'delete' || (write.verb === 'update' && write.subresource !== undefined)) return false;
  const { apiVersion, kind } = write.object;
  if (apiVersion !== 'v1' || kind !== 'Service') return false;
  const spec = write.object['spec'];
  if (!isRecord(spec)) return false;
  const ports = spec['ports'] ?? [];
  const addresses = spec['clusterIPs'] ?? [];
  return Array.isArray(ports) && ports.every(isRecord) && Array.isArray(addresses);
}

/** Everything that an allocation depends on or makes. */
function addressesOf(service: KubeObject): unknown {
  const spec = isRecord(service['spec']) ? service['spec'] : {};
  const ports = Array.isArray(spec['ports']) ? spec['ports'] : [];
  return [
    spec['type'] ?? 'ClusterIP',
    spec['clusterIP'] ?? '',
    spec['externalTrafficPolicy'] ?? '',
    spec['healthCheckNodePort'] ?? 0,
    ports
      .filter(isRecord)
      .map(({ port, protocol, nodePort }) => [port ?? 0, protocol ?? 'TCP', nodePort ?? 0]),
  ];
}
