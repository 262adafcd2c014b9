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

/** Whether two networks share an address. */
export function cidrsOverlap(a: string, b: string): boolean {
  const [one, other] = [cidrRange(a), cidrRange(b)];
  return one !== undefined && other !== undefined && one.first <= other.last && other.first <= one.last;
}

/** Whether every address of `inner` is one of `outer`. */
export function cidrContains(outer: string, inner: string): boolean {
  const [around, within] = [cidrRange(outer), cidrRange(inner)];
  return (
    around !== undefined && within !== undefined && around.first <= within.first && within.last <= around.last
  );
}
