/**
 * IP addresses and blocks of them as numbers: reading, canonical text, the special ranges. Pure.
 * `sloppy` reading takes leading zeros, as Kubernetes' older parsers did; nothing takes zones.
 */
export type IpFamily = 'IPv4' | 'IPv6';

export interface Address {
  readonly family: IpFamily;
  readonly bits: bigint;
}

export interface Block {
  readonly address: Address;
  readonly prefix: number;
}

type Reading = 'strict' | 'sloppy';

const WIDTH = { IPv4: 32, IPv6: 128 } as const;
/** Longer texts are no addresses. */
const MAX_TEXT = 64;
const DECIMAL = { strict: /^(?:0|[1-9]\d{0,2})$/, sloppy: /^\d+$/ } as const;
const HEX = { strict: /^[0-9a-fA-F]{1,4}$/, sloppy: /^[0-9a-fA-F]+$/ } as const;

const ones = (count: number): bigint => (1n << BigInt(count)) - 1n;

export function parseAddress(text: string, reading: Reading = 'strict'): Address | undefined {
  if (text.length > MAX_TEXT) return undefined;
  const bits = text.includes(':') ? readGroups(text, reading) : readQuad(text, reading);
  if (bits === undefined) return undefined;
  return { family: text.includes(':') ? 'IPv6' : 'IPv4', bits };
}

function readQuad(text: string, reading: Reading): bigint | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  if (!parts.every((part) => DECIMAL[reading].test(part) && Number(part) <= 255)) return undefined;
  return BigInt(parts.reduce((bits, part) => bits * 256 + Number(part), 0));
}

/** RFC 4291: eight groups, one run of them may be `::`, the last two may be written as IPv4. */
function readGroups(text: string, reading: Reading): bigint | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const lists = halves.map((half) => (half === '' ? [] : half.split(':')));
  const read: bigint[][] = [];
  for (const [at, list] of lists.entries()) {
    const groups: bigint[] = [];
    for (const [index, group] of list.entries()) {
      const isLast = at === lists.length - 1 && index === list.length - 1;
      if (HEX[reading].test(group) && BigInt(`0x${group}`) <= 0xffffn) groups.push(BigInt(`0x${group}`));
      else {
        const quad = isLast ? readQuad(group, reading) : undefined;
        if (quad === undefined) return undefined;
        groups.push(quad >> 16n, quad & 0xffffn);
      }
    }
    read.push(groups);
  }
  const [left = [], right = []] = read;
  const zeros = 8 - left.length - right.length;
  if (halves.length === 1 ? zeros !== 0 : zeros < 1) return undefined;
  const all = [...left, ...Array.from({ length: zeros }, () => 0n), ...right];
  return all.reduce((bits, group) => (bits << 16n) | group, 0n);
}

export const ipFamily = (text: string): IpFamily | undefined => parseAddress(text)?.family;

/** Canonical text; of the longest runs of zeros the first is left out (RFC 5952). */
export function formatAddress({ family, bits }: Address): string {
  if (family === 'IPv4') return [24n, 16n, 8n, 0n].map((shift) => (bits >> shift) & 0xffn).join('.');
  const groups = Array.from({ length: 8 }, (_, index) => (bits >> BigInt(112 - 16 * index)) & 0xffffn);
  let best = { start: -1, length: 1 };
  for (let start = 0; start < 8; start += 1) {
    let length = 0;
    while (start + length < 8 && groups[start + length] === 0n) length += 1;
    if (length > best.length) best = { start, length };
  }
  const hex = (part: readonly bigint[]): string => part.map((group) => group.toString(16)).join(':');
  if (best.start < 0) return hex(groups);
  return `${hex(groups.slice(0, best.start))}::${hex(groups.slice(best.start + best.length))}`;
}

/** An IPv4 address written as one of IPv6: `::ffff:1.2.3.4`. */
export const isMapped = ({ family, bits }: Address): boolean => family === 'IPv6' && bits >> 32n === 0xffffn;

/** Whether the first bits of the address are these, in its family. */
const starts = (address: Address, v4: readonly [bigint, number], v6: readonly [bigint, number]): boolean => {
  const [bits, count] = address.family === 'IPv4' ? v4 : v6;
  return address.bits >> BigInt(WIDTH[address.family] - count) === bits;
};
export const isUnspecified = ({ bits }: Address): boolean => bits === 0n;
export const isLoopback = (address: Address): boolean => starts(address, [127n, 8], [1n, 128]);
export const isMulticast = (address: Address): boolean => starts(address, [0xen, 4], [0xffn, 8]);
export const isLinkLocal = (address: Address): boolean => starts(address, [0xa9fen, 16], [0x3fan, 10]);
export const isLinkLocalMulticast = (address: Address): boolean =>
  starts(address, [0xe00000n, 24], [0xff02n, 16]);
export const isBroadcast = ({ family, bits }: Address): boolean => family === 'IPv4' && bits === ones(32);

export function parseBlock(text: string, reading: Reading = 'strict'): Block | undefined {
  const [head = '', tail = '', ...rest] = text.split('/', 3);
  const address = parseAddress(head, reading);
  if (!address || rest.length > 0 || tail.length > MAX_TEXT || !DECIMAL[reading].test(tail)) return undefined;
  const prefix = Number(tail);
  return prefix <= WIDTH[address.family] ? { address, prefix } : undefined;
}

/** The block's first address, which is the only one that has no bits beyond the prefix. */
export function masked({ address, prefix }: Block): Block {
  const free = WIDTH[address.family] - prefix;
  return { address: { ...address, bits: address.bits & ~ones(free) }, prefix };
}

export function holds(block: Block, address: Address): boolean {
  if (block.address.family !== address.family) return false;
  const free = BigInt(WIDTH[address.family] - block.prefix);
  return block.address.bits >> free === address.bits >> free;
}

export const holdsBlock = (outer: Block, inner: Block): boolean =>
  outer.prefix <= inner.prefix && holds(outer, masked(inner).address);
