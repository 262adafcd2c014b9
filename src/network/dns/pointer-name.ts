/** Names of addresses below `in-addr.arpa` and `ip6.arpa` (RFC 1035 §3.5, RFC 3596 §2.5). Pure. */
import { type Block, formatAddress, masked, parseAddress } from '../../schemas/values/ip-address.ts';

/** The address that a name stands for, in canonical text; undefined for any other name. */
export function addressOfPointer(name: string): string | undefined {
  const v4 = /^((?:\d{1,3}\.){3}\d{1,3})\.in-addr\.arpa$/.exec(name)?.[1];
  if (v4 !== undefined) return canonical(v4.split('.').reverse().join('.'));
  const v6 = /^((?:[0-9a-f]\.){31}[0-9a-f])\.ip6\.arpa$/.exec(name)?.[1];
  if (v6 === undefined) return undefined;
  const digits = v6.split('.').reverse().join('');
  return canonical(digits.replaceAll(/(.{4})(?!$)/g, '$1:'));
}

function canonical(text: string): string | undefined {
  const address = parseAddress(text);
  return address && formatAddress(address);
}

/** The zone of a range's names: its whole labels. `10.96.0.0/12` → `10.in-addr.arpa`. */
export function zoneOfBlock(block: Block): string {
  const { address, prefix } = masked(block);
  const [labels, width, base, suffix] =
    address.family === 'IPv4' ? ([4, 8, 10, 'in-addr.arpa'] as const) : ([32, 4, 16, 'ip6.arpa'] as const);
  const count = Math.floor(prefix / width);
  const parts = Array.from({ length: count }, (_, index) =>
    Number((address.bits >> BigInt(width * (labels - 1 - index))) & BigInt(2 ** width - 1)).toString(base),
  );
  return [...parts.reverse(), suffix].join('.');
}
