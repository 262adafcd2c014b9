/**
 * Which load balancer has which address of the pool. Pure. The Services are the only record: a
 * Service keeps the address in its status. A new one gets the address that its name leads to, or
 * the next free one, so that a Service that is made again mostly gets the same.
 */
import { createHash } from 'node:crypto';
import { addressRange, type CidrRange, formatIpv4 } from '../../base/cidr.ts';
import { keyOf } from '../../schemas/object.ts';
import type { Service } from '../../schemas/types.ts';
import { ipFamily } from '../../schemas/values/ip-address.ts';

export interface AddressTrouble {
  readonly reason: 'NoPool' | 'PoolExhausted' | 'AddressNotInPool' | 'AddressTaken' | 'InvalidAddress';
  readonly message: string;
}
export type Assignment = { readonly address: string } | { readonly trouble: AddressTrouble };

/** Ours, and those of the two implementations that manifests are mostly written for. */
const ADDRESS_ANNOTATIONS = [
  'symphony.dev/load-balancer-ip',
  'metallb.io/loadBalancerIPs',
  'metallb.universe.tf/loadBalancerIPs',
  'io.cilium/lb-ipam-ips',
];

/** `reserved`: addresses of the pool that hosts have. By the Services' keys. */
export function assignAddresses(
  services: readonly Service[],
  pool: readonly string[],
  reserved: ReadonlySet<string>,
): ReadonlyMap<string, Assignment> {
  const addresses = openPool(pool, reserved);
  const assigned = new Map<string, Assignment>();
  const waiting: Service[] = [];
  for (const service of [...services].sort(byAge)) {
    const has = currentAddress(service);
    const wish = wishOf(service);
    const keeps = has !== undefined && (wish === undefined || wish === has) && addresses.take(has);
    if (keeps) assigned.set(keyOf(service), { address: has });
    else waiting.push(service);
  }
  for (const service of waiting) assigned.set(keyOf(service), assignNew(service, pool, addresses));
  return assigned;
}

function assignNew(service: Service, pool: readonly string[], addresses: Pool): Assignment {
  const refuse = (reason: AddressTrouble['reason'], message: string): Assignment => ({
    trouble: { reason, message },
  });
  const wish = wishOf(service);
  const flag = `--load-balancer-pool ${pool.join(',')}`;
  if (pool.length === 0)
    return refuse(
      'NoPool',
      "this cluster has no addresses for load balancers: start the control plane with --load-balancer-pool and free addresses of the hosts' network, or use type NodePort",
    );
  if (wish === undefined) {
    const address = addresses.takeFree(keyOf(service));
    return address === undefined
      ? refuse(
          'PoolExhausted',
          `all ${addresses.size} addresses of ${flag} are taken: extend it, or delete a Service of type LoadBalancer`,
        )
      : { address };
  }
  if (ipFamily(wish) !== 'IPv4') return refuse('InvalidAddress', `"${wish}" is not an IPv4 address`);
  if (!addresses.has(wish)) return refuse('AddressNotInPool', `${wish} is not an address of ${flag}`);
  if (!addresses.take(wish))
    return refuse('AddressTaken', `${wish} is taken by another Service or by a host`);
  return { address: wish };
}

/** The address that its status has. */
export const currentAddress = ({ status }: Service): string | undefined =>
  status?.loadBalancer?.ingress?.[0]?.ip;

/** The address that its owner asks for. Of several, such as one of each family, the first IPv4 one. */
function wishOf({ metadata, spec }: Service): string | undefined {
  const named = ADDRESS_ANNOTATIONS.map((name) => metadata.annotations?.[name]);
  const text = [spec.loadBalancerIP, ...named].find((value) => value !== undefined && value.trim() !== '');
  const wishes = text?.split(',').map((item) => item.trim()) ?? [];
  return wishes.find((wish) => ipFamily(wish) === 'IPv4') ?? wishes[0];
}

interface Pool {
  readonly size: number;
  has(address: string): boolean;
  /** False where it is taken, or not in the pool. */
  take(address: string): boolean;
  takeFree(name: string): string | undefined;
}

function openPool(texts: readonly string[], reserved: ReadonlySet<string>): Pool {
  const ranges = texts.flatMap(usableRange);
  const size = ranges.reduce((sum, { first, last }) => sum + last - first + 1, 0);
  const taken = new Set(reserved);
  let isFull = size === 0;
  const has = (address: string): boolean => {
    const number = addressRange(`${address}/32`)?.first ?? -1;
    return ranges.some(({ first, last }) => first <= number && number <= last);
  };
  return {
    size,
    has,
    take(address) {
      if (!has(address) || taken.has(address)) return false;
      taken.add(address);
      return true;
    },
    takeFree(name) {
      const start = isFull ? 0 : Number.parseInt(digest(name).slice(0, 8), 16) % size;
      for (let step = 0; !isFull && step < size; step += 1) {
        const address = addressAt(ranges, (start + step) % size);
        if (taken.has(address)) continue;
        taken.add(address);
        return address;
      }
      isFull = true;
      return undefined;
    },
  };
}

/** A network's own address and its broadcast address serve nobody. */
function usableRange(text: string): readonly CidrRange[] {
  const range = addressRange(text);
  if (!range) return [];
  const isNetwork = text.includes('/') && range.last - range.first >= 3;
  return [isNetwork ? { first: range.first + 1, last: range.last - 1 } : range];
}

function addressAt(ranges: readonly CidrRange[], index: number): string {
  let left = index;
  for (const { first, last } of ranges) {
    if (left <= last - first) return formatIpv4(first + left);
    left -= last - first + 1;
  }
  throw new Error(`The pool has no address number ${index}`);
}

export const digest = (text: string): string => createHash('sha256').update(text).digest('hex');

/** The oldest first: it keeps an address that two Services have. */
export function byAge(a: Service, b: Service): number {
  const [timeA, timeB] = [a.metadata.creationTimestamp ?? '', b.metadata.creationTimestamp ?? ''];
  if (timeA !== timeB) return timeA < timeB ? -1 : 1;
  return keyOf(a) < keyOf(b) ? -1 : 1;
}
