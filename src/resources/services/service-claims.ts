/**
 * Gives Services their cluster IP and node ports. The Services themselves are the only record of
 * what is taken. An allocation reads all of them afresh. Its commit also replaces the allocation
 * record, by compare-and-set: of two servers that allocate at once, one loses the race and plans
 * again.
 */
import type { Rng } from '../../base/rng.ts';
import { isRecord, jsonEqual } from '../../base/json.ts';
import { failure, invalid } from '../../schemas/errors/status.ts';
import { type KubeObject, keyOf } from '../../schemas/object.ts';
import type { ResourceKind } from '../../schemas/resource-kind.ts';
import type { Service } from '../../schemas/types.ts';
import { recordOp } from '../../store/records.ts';
import type { Store } from '../../store/types.ts';
import type { Snapshots } from '../reading/snapshots.ts';
import { type Claimed, type Claims, createTurns } from '../writing/claims.ts';
import type { Planned } from '../writing/plan-write.ts';
import { type AddressSpace, planAddresses, takenBy } from './service-addresses.ts';

const SERVICES = { group: '', kind: 'Service', plural: 'services' } as const;
/** Only its version matters. */
const RECORD = { resource: 'serviceallocations.symphony.dev', key: 'services' } as const;
const RECORD_OBJECT: KubeObject = {
  apiVersion: 'symphony.dev/v1',
  kind: 'ServiceAllocation',
  metadata: { name: RECORD.key },
};

export const isService = (kind: Pick<ResourceKind, 'group' | 'kind'>): boolean =>
  kind.group === '' && kind.kind === 'Service';

export function createServiceClaims(options: {
  readonly store: Store;
  readonly snapshots: Snapshots;
  readonly rng: Rng;
  readonly space: AddressSpace;
  /** Plans a write again with the object as it is completed. */
  readonly complete: (planned: Planned, object: KubeObject) => Planned;
}): Claims {
  const { store, snapshots, rng, space, complete } = options;
  const turns = createTurns();

  function withAddresses(item: Planned, others: readonly Service[]): Planned {
    const own = (item.current as Service | undefined)?.spec.clusterIP;
    const taken = takenBy(others, space, { key: item.key, own });
    const isNew = item.current === undefined;
    const { service, errors, failure: why } = planAddresses(item.result as Service, taken, space, rng, isNew);
    if (why !== undefined)
      throw failure(500, 'InternalError', `Internal error occurred: ${why}`, { causes: [{ message: why }] });
    if (errors.length > 0) throw invalid(SERVICES, service.metadata.name, errors);
    return complete(item, service);
  }

  async function allocate({ planned, ops }: Claimed): Promise<Claimed> {
    // Read before the Services: an allocation that they do not show moves it on meanwhile.
    const moved = recordOp(RECORD, await store.get(RECORD.resource, RECORD.key), RECORD_OBJECT);
    const services = await snapshots.open(SERVICES);
    await services.refresh();
    const live = services.list() as unknown as readonly Service[];
    const done: Service[] = [];
    const completed = planned.map((item) => {
      if (!needsAddresses(item)) return item;
      const others = item.current ? live.filter((service) => keyOf(service) !== item.key) : live;
      const addressed = withAddresses(item, [...others, ...done]);
      done.push(addressed.result as Service);
      return addressed;
    });
    return { planned: completed, ops: [...ops, ...(moved ? [moved] : [])] };
  }

  return {
    async take(claimed, next) {
      if (!claimed.planned.some(needsAddresses)) return next(claimed);
      return turns.take('', async () => next(await allocate(claimed)));
    },
  };
}

/** A Service that is created, or changes what an allocation depends on or makes. */
function needsAddresses({ write, kind, current, op, result }: Planned): boolean {
  if (!isService(kind) || (op?.type !== 'create' && op?.type !== 'update')) return false;
  if (write.verb === 'create' || !current) return true;
  if (write.verb !== 'update' || write.subresource !== undefined) return false;
  return isUnaddressed(result) || !jsonEqual(addressesOf(result), addressesOf(current));
}

const isUnaddressed = (service: KubeObject): boolean =>
  addressesOf(service)[0] !== 'ExternalName' && addressesOf(service)[1] === '';

function addressesOf(service: KubeObject): readonly unknown[] {
  const spec = isRecord(service['spec']) ? service['spec'] : {};
  const ports = Array.isArray(spec['ports']) ? spec['ports'] : [];
  return [
    spec['type'] ?? 'ClusterIP',
    spec['clusterIP'] ?? '',
    spec['externalTrafficPolicy'] ?? '',
    spec['healthCheckNodePort'] ?? 0,
    spec['allocateLoadBalancerNodePorts'] ?? true,
    ports
      .filter(isRecord)
      .map(({ port, protocol, nodePort }) => [port ?? 0, protocol ?? 'TCP', nodePort ?? 0]),
  ];
}
