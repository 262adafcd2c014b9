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
}

/** Subsets in a stable order. Addresses are ordered by IP and uid, as upstream's. */
export function packSubsets(served: readonly ServedAddress[]): readonly EndpointSubset[] {
  const sorted = [...served].sort(byAddress);
  const byPort = new Map<string, { port?: EndpointPort; holders: number[] }>();
  for (const [index, { ports }] of sorted.entries())
    for (const port of ports.length > 0 ? ports : [undefined]) {
      const key = port ? `${port.name ?? ''} ${port.port} ${port.protocol} ${port.appProtocol ?? ''}` : '';
      const found = byPort.get(key);
      if (found) found.holders.push(index);
      else byPort.set(key, { ...(port ? { port } : {}), holders: [index] });
    }
  const byHolders = new Map<string, { holders: readonly number[]; ports: EndpointPort[] }>();
  for (const { port, holders } of byPort.values()) {
    const key = holders.join(',');
    const group = byHolders.get(key) ?? { holders, ports: [] };
    if (port) group.ports.push(port);
    byHolders.set(key, group);
  }
  const groups = [...byHolders.values()].map(({ holders, ports }) => ({ holders, ports: sortPorts(ports) }));
  return sortByPorts(groups).map(({ holders, ports }) =>
    subsetOf(
      holders.flatMap((index) => sorted[index] ?? []),
      ports,
    ),
  );
}

function subsetOf(served: readonly ServedAddress[], ports: readonly EndpointPort[]): EndpointSubset {
  const ready = served.flatMap(({ address, isReady }) => (isReady ? [address] : []));
  const notReady = served.flatMap(({ address, isReady }) => (isReady ? [] : [address]));
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
