/** Comparing IPv4 networks, `10.244.0.0/16`. Address bits beyond the prefix do not count. */

/** Whether two networks share an address. False for what is no IPv4 network. */
export function cidrsOverlap(a: string, b: string): boolean {
  const [first, second] = [parse(a), parse(b)];
  if (!first || !second) return false;
  const size = 2 ** (32 - Math.min(first.prefix, second.prefix));
  return Math.floor(first.address / size) === Math.floor(second.address / size);
}

/** Whether every address of `inner` is one of `outer`. */
export function cidrContains(outer: string, inner: string): boolean {
  const [around, within] = [parse(outer), parse(inner)];
  return (
    around !== undefined &&
    within !== undefined &&
    around.prefix <= within.prefix &&
    cidrsOverlap(outer, inner)
  );
}

function parse(cidr: string): { readonly address: number; readonly prefix: number } | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/.exec(cidr);
  if (!match) return undefined;
  const [a = 0, b = 0, c = 0, d = 0, prefix = 0] = match.slice(1).map(Number);
  return { address: ((a * 256 + b) * 256 + c) * 256 + d, prefix };
}
