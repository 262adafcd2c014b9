/**
 * Addresses of pods in the node's podCIDR (IPv4), pure. The network's address, its first address
 * (the gateway, if the range is the whole network) and its broadcast address are never assigned.
 * The search starts behind the last assigned address, so that a freed one rests before it is
 * reused.
 */
export interface AddressRange {
  readonly first: number;
  readonly last: number;
}

export function parseRange(cidr: string): AddressRange | undefined {
  const [address = '', bits = ''] = cidr.split('/');
  const base = parseAddress(address);
  const length = Number(bits);
  if (base === undefined || !/^\d+$/.test(bits) || length > 30) return undefined;
  const size = 2 ** (32 - length);
  const network = Math.floor(base / size) * size;
  return { first: network + 2, last: network + size - 2 };
}

/** The number of pods that fit into the range. */
export function addressCount(cidr: string | undefined): number {
  const range = cidr === undefined ? undefined : parseRange(cidr);
  return range ? range.last - range.first + 1 : 0;
}

export function parseAddress(text: string): number | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) <= 255))
    return undefined;
  return parts.reduce((sum, part) => sum * 256 + Number(part), 0);
}

export function formatAddress(value: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');
}

/** Undefined if every address is taken. */
export function planAddress(
  range: AddressRange,
  taken: ReadonlySet<string>,
  after: string | undefined,
): string | undefined {
  const count = range.last - range.first + 1;
  const last = after === undefined ? undefined : parseAddress(after);
  const start = last !== undefined && last >= range.first && last < range.last ? last + 1 : range.first;
  for (let step = 0; step < count; step += 1) {
    const address = formatAddress(range.first + ((start - range.first + step) % count));
    if (!taken.has(address)) return address;
  }
  return undefined;
}
