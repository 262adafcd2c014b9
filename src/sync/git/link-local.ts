/**
 * Hosts where clouds keep credentials, and nobody keeps a repository or a forge. Pure.
 *
 * A host is read as the C library reads it (inet_aton(3): octal, hexadecimal and short forms),
 * whatever a URL's own rules say, because git and ssh pass it on as it stands.
 */
import { isIPv6 } from 'node:net';

/** 169.254.0.0/16, and the addresses of metadata services outside of it (Alibaba, Oracle). */
const FORBIDDEN_V4 = [/^169\.254\./, /^100\.100\.100\.200$/, /^192\.0\.0\.192$/];
const FORBIDDEN_NAMES = ['metadata.google.internal', 'metadata.goog', 'instance-data.ec2.internal'];
/** fd00:ec2::/32 is Amazon's metadata service over IPv6. */
const AMAZON_V6 = [0xfd00, 0x0ec2];

/** `host` is a name or an address, with or without brackets, a zone and a trailing dot. */
export function isForbiddenHost(host: string): boolean {
  const name = host
    .toLowerCase()
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/%.*$/, '')
    .replace(/\.+$/, '');
  if (isIPv6(name)) return isForbiddenV6(groupsOf(name));
  const v4 = parseV4(name);
  if (v4 !== undefined) return FORBIDDEN_V4.some((pattern) => pattern.test(v4));
  return FORBIDDEN_NAMES.includes(name);
}

/** inet_aton(3): one to four numbers in C's notation. Undefined for a name. */
function parseV4(text: string): string | undefined {
  const parts = text.split('.');
  if (parts.length > 4 || !parts.every((part) => /^(0x[0-9a-f]*|[0-9]+)$/.test(part))) return undefined;
  const numbers = parts.map((part) =>
    part.startsWith('0x')
      ? Number.parseInt(`0${part.slice(2)}`, 16)
      : Number.parseInt(part, part.startsWith('0') ? 8 : 10),
  );
  const last = numbers.pop() ?? 0;
  // Numbers that are too large are cut, as some resolvers do: one refusal too many costs nothing.
  let value = 0n;
  for (const number of numbers) value = value * 256n + BigInt(number & 0xff);
  const restBytes = BigInt(4 - numbers.length);
  value = value * 256n ** restBytes + (BigInt(Number.isNaN(last) ? 0 : last) & (256n ** restBytes - 1n));
  return [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 255n)).join('.');
}

/** The eight groups of a valid IPv6 address. */
function groupsOf(address: string): readonly number[] {
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address);
  const text = dotted
    ? `${dotted[1]}${((Number(dotted[2]) << 8) | Number(dotted[3])).toString(16)}:${((Number(dotted[4]) << 8) | Number(dotted[5])).toString(16)}`
    : address;
  const [before = '', after] = text.split('::');
  const read = (part: string): number[] =>
    part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16));
  const [head, tail] = [read(before), read(after ?? '')];
  return [...head, ...Array.from({ length: 8 - head.length - tail.length }, () => 0), ...tail];
}

function isForbiddenV6(groups: readonly number[]): boolean {
  const [first = 0, second = 0, third = 0] = groups;
  // fe80::/10
  if ((first & 0xffc0) === 0xfe80) return true;
  if (first === AMAZON_V6[0] && second === AMAZON_V6[1]) return true;
  // An IPv4 address inside: 6to4 holds it in front, mapped, compatible, translated and NAT64
  // addresses at the end.
  const isEmbedded = first === 0x2002 || first === 0x64 || groups.slice(0, 4).every((group) => group === 0);
  if (!isEmbedded) return false;
  const [high = 0, low = 0] = first === 0x2002 ? [second, third] : groups.slice(6);
  const v4 = [high >> 8, high & 255, low >> 8, low & 255].join('.');
  return FORBIDDEN_V4.some((pattern) => pattern.test(v4));
}
