/** IPv4 networks, `10.244.0.0/16`. Address bits beyond the prefix do not count. */

/** The first and the last address of a network, as numbers. */
export interface CidrRange {
  readonly first: number;
  readonly last: number;
}

/** Undefined for a text that is no IPv4 network. */
export function cidrRange(cidr: string): CidrRange | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/.exec(cidr);
  if (!match) return undefined;
  const octets = match.slice(1, 5).map(Number);
  const prefix = Number(match[5]);
  if (prefix > 32 || octets.some((octet) => octet > 255)) return undefined;
  const size = 2 ** (32 - prefix);
  const address = octets.reduce((sum, octet) => sum * 256 + octet, 0);
  const first = Math.floor(address / size) * size;
  return { first, last: first + size - 1 };
}

/** A network, or `192.0.2.10-192.0.2.20`. Undefined for anything else. */
export function addressRange(text: string): CidrRange | undefined {
  const [from = '', to, ...more] = text.split('-');
  if (to === undefined) return cidrRange(text);
  const [start, end] = [cidrRange(`${from.trim()}/32`), cidrRange(`${to.trim()}/32`)];
  if (!start || !end || more.length > 0 || end.last < start.first) return undefined;
  return { first: start.first, last: end.last };
}

/** `192.0.2.10` of a number. */
export const formatIpv4 = (address: number): string =>
  [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.');

export const rangesOverlap = (one: CidrRange, other: CidrRange): boolean =>
  one.first <= other.last && other.first <= one.last;

/** Whether two networks share an address. */
export function cidrsOverlap(a: string, b: string): boolean {
  const [one, other] = [cidrRange(a), cidrRange(b)];
  return one !== undefined && other !== undefined && rangesOverlap(one, other);
}

/** Whether every address of `inner` is one of `outer`. */
export function cidrContains(outer: string, inner: string): boolean {
  const [around, within] = [cidrRange(outer), cidrRange(inner)];
  return (
    around !== undefined && within !== undefined && around.first <= within.first && within.last <= around.last
  );
}
