/**
 * Gives Services their cluster IP and node ports. Allocations are nowhere but in the Services themselves, so writers
 * take turns: within the process by a chain, between processes by a lease of the store. Whoever holds the turn
 * reads all Services afresh, plans, and writes.
 */
import { uninterrupted } from '../../base/abort.ts';
import { type Clock, sleep } from '../../base/clock.ts';
import type { Rng } from '../../base/rng.ts';
import type { KubeObject } from '../../schemas/object.ts';
import { failure, invalid } from '../../schemas/errors/status.ts';
import type { Service } from '../../schemas/types.ts';
import type { Store } from '../../store/types.ts';
import { type AddressSpace, planAddresses, takenBy } from './service-addresses.ts';
import type { Snapshots } from '../reading/snapshots.ts';

export interface ServiceAllocation {
  /** Completes the addresses of `service` and writes it with `write` before anybody else may allocate. */
  allocate(
    service: KubeObject,
    current: KubeObject | undefined,
    write: (service: KubeObject) => Promise<KubeObject>,
  ): Promise<KubeObject>;
  /** The same for several that are written together; they come in order. */
  allocateAll<T>(
    asked: readonly AskedAddresses[],
    write: (services: readonly KubeObject[]) => Promise<T>,
  ): Promise<T>;
}

export interface AskedAddresses {
  readonly service: KubeObject;
  /** As it is stored; undefined for a new one. */
  readonly current: KubeObject | undefined;
}

const LEASE = 'service-allocation';
/** Longer than any write takes; a holder that died is waited for no longer than this. */
const LEASE_TTL_MS = 5_000;
const RETRY_MS = 20;
const MAX_WAIT_MS = 15_000;
const SERVICES = { group: '', kind: 'Service', plural: 'services' } as const;

export function createServiceAllocation(options: {
  readonly store: Store;
  readonly snapshots: Snapshots;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly space: AddressSpace;
}): ServiceAllocation {
  const { store, snapshots, clock, rng, space } = options;
  const holder = rng.uuid();
  let turn: Promise<unknown> = Promise.resolve();

  async function withLease<T>(task: () => Promise<T>): Promise<T> {
    const deadline = clock.now() + MAX_WAIT_MS;
    while (!(await store.acquireLease(LEASE, holder, LEASE_TTL_MS))) {
      if (clock.now() >= deadline)
        throw failure(503, 'ServiceUnavailable', 'service addresses are being allocated elsewhere', {
          retryAfterSeconds: 1,
        });
      await sleep(clock, RETRY_MS, uninterrupted);
    }
    try {
      return await task();
    } finally {
      await store.releaseLease(LEASE, holder);
    }
  }

  async function plan(asked: readonly AskedAddresses[]): Promise<readonly Service[]> {
    const snapshot = await snapshots.open(SERVICES);
    await snapshot.refresh();
    const live = snapshot.hub.cache.list() as unknown as readonly Service[];
    const planned: Service[] = [];
    for (const { service, current } of asked) {
      const uid = current?.metadata.uid;
      const others = uid === undefined ? live : live.filter(({ metadata }) => metadata.uid !== uid);
      const own = (current as Service | undefined)?.spec.clusterIP;
      const taken = takenBy([...others, ...planned], space, own);
      const { service: complete, errors } = planAddresses(service as Service, taken, space, rng);
      if (errors.length > 0) throw invalid(SERVICES, service.metadata.name, errors);
      planned.push(complete);
    }
    return planned;
  }

  function inTurn<T>(task: () => Promise<T>): Promise<T> {
    const next = turn.then(() => withLease(task));
    turn = next.catch(() => undefined);
    return next;
  }

  return {
    allocate: (service, current, write) =>
      inTurn(async () => {
        const [complete = service] = await plan([{ service, current }]);
        return write(complete);
      }),
    allocateAll: (asked, write) => inTurn(async () => write(await plan(asked))),
  };
}
