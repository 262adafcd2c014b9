/**
 * Packs pairs of address and port into subsets: each port belongs to one subset, together with all
 * ports that have the same addresses. Pure.
 */
import { compareText } from '../../base/text.ts';
import type { EndpointAddress, EndpointPort, EndpointSubset } from '../../schemas/types.ts';
import { sortByPorts, sortPorts } from './port-order.ts';

/** One pod: its address, and the ports that it serves there. */
export interface ServedAddress {
  readonly address: EndpointAddress;
  readonly isReady: boolean;
  /** None: a headless Service without ports. */
  readonly ports: readonly EndpointPort[];
  /** Equal for equal ports; see {@link endpointPortsKey}. */
  readonly portsKey: string;
}

const portKey = ({ name = '', port, protocol, appProtocol = '' }: EndpointPort): string =>
  `${name} ${port} ${protocol ?? ''} ${appProtocol}`;

export const endpointPortsKey = (ports: readonly EndpointPort[]): string => ports.map(portKey).join(',');

/** Addresses ordered by IP and uid, as upstream's. `last`: most of them, in this order. */
export function sortServed(
  served: readonly ServedAddress[],
  last: readonly ServedAddress[] = [],
): readonly ServedAddress[] {
  const missing = new Set(served);
  const kept = last.filter((one) => missing.delete(one));
  return [...kept, ...missing].sort(byAddress);
}

/** Pods that serve the same ports. */
interface Group {
  readonly ports: readonly EndpointPort[];
  readonly members: ServedAddress[];
}

/** Subsets in a stable order, of sorted addresses. */
export function packSubsets(sorted: readonly ServedAddress[]): readonly EndpointSubset[] {
  const groups = new Map<string, Group>();
  for (const one of sorted) {
    const group = groups.get(one.portsKey);
    if (group) group.members.push(one);
    else groups.set(one.portsKey, { ports: one.ports, members: [one] });
  }
  const byPort = new Map<string, { readonly port?: EndpointPort; readonly holders: Group[] }>();
  for (const group of groups.values())
    for (const port of group.ports.length > 0 ? group.ports : [undefined]) {
      const key = port ? portKey(port) : '';
      const found = byPort.get(key);
      if (!found) byPort.set(key, { ...(port ? { port } : {}), holders: [group] });
      else if (found.holders.at(-1) !== group) found.holders.push(group);
    }
  const numbers = new Map([...groups.values()].map((group, index) => [group, index]));
  const byHolders = new Map<string, { readonly holders: readonly Group[]; readonly ports: EndpointPort[] }>();
  for (const { port, holders } of byPort.values()) {
    const key = holders.map((group) => numbers.get(group)).join(',');
    const subset = byHolders.get(key) ?? { holders, ports: [] };
    if (port) subset.ports.push(port);
    byHolders.set(key, subset);
  }
  const packed = [...byHolders.values()].map(({ holders, ports }) => ({ holders, ports: sortPorts(ports) }));
  return sortByPorts(packed).map(({ holders, ports }) => subsetOf(membersOf(holders), ports));
}

function membersOf(groups: readonly Group[]): readonly ServedAddress[] {
  const [first, ...others] = groups;
  if (first && others.length === 0) return first.members;
  return groups.flatMap(({ members }) => members).sort(byAddress);
}

function subsetOf(served: readonly ServedAddress[], ports: readonly EndpointPort[]): EndpointSubset {
  const ready: EndpointAddress[] = [];
  const notReady: EndpointAddress[] = [];
  for (const { address, isReady } of served) (isReady ? ready : notReady).push(address);
  return {
    ...(ready.length > 0 ? { addresses: ready } : {}),
    ...(notReady.length > 0 ? { notReadyAddresses: notReady } : {}),
    ...(ports.length > 0 ? { ports: [...ports] } : {}),
  };
}

function byAddress({ address: a }: ServedAddress, { address: b }: ServedAddress): number {
  return compareText(a.ip, b.ip) || compareText(a.targetRef?.uid ?? '', b.targetRef?.uid ?? '');
}

/** Upstream's limit of addresses in one object. */
const MAX_ADDRESSES = 1_000;

/**
 * Keeps at most this many addresses, ready ones first, each subset with its share. Returns the
 * subsets as they are when they fit.
 */
export function truncateSubsets(subsets: readonly EndpointSubset[]): readonly EndpointSubset[] {
  const count = (list: 'addresses' | 'notReadyAddresses'): number =>
    subsets.reduce((sum, subset) => sum + (subset[list] ?? []).length, 0);
  const ready = count('addresses');
  const notReady = count('notReadyAddresses');
  if (ready + notReady <= MAX_ADDRESSES) return subsets;
  const cut = ready > MAX_ADDRESSES ? 'addresses' : 'notReadyAddresses';
  const [room, total] = cut === 'addresses' ? [MAX_ADDRESSES, ready] : [MAX_ADDRESSES - ready, notReady];
  let left = room;
  return subsets.flatMap((subset) => {
    const { addresses = [], notReadyAddresses = [], ports } = subset;
    const list = cut === 'addresses' ? addresses : notReadyAddresses;
    const share = Math.min(left, Math.ceil((list.length / total) * room));
    const kept = list.slice(0, share);
    left -= kept.length;
    const [readyOnes, others] = cut === 'addresses' ? [kept, []] : [addresses, kept];
    // A subset without an address is invalid.
    if (readyOnes.length + others.length === 0) return [];
    return {
      ...(readyOnes.length > 0 ? { addresses: readyOnes } : {}),
      ...(others.length > 0 ? { notReadyAddresses: others } : {}),
      ...(ports ? { ports } : {}),
    };
  });
}
