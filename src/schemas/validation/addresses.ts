/**
 * IP addresses and CIDR blocks in fields, with upstream's three degrees of strictness: what can be
 * read at all, what is unambiguous (no leading zeros, no IPv4 in the clothes of IPv6, no bits
 * beyond the prefix), what is canonical. A value that the stored object has already (`kept`) is
 * left alone: it was valid once.
 */
import {
  formatAddress,
  isLinkLocal,
  isLinkLocalMulticast,
  isLoopback,
  isMapped,
  isUnspecified,
  masked,
  parseAddress,
  parseBlock,
} from '../values/ip-address.ts';
import { asList } from '../json-access.ts';

const MUST_BE_IP = 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)';
const MUST_BE_CIDR = 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)';

export type KeptTexts = ReadonlySet<unknown>;
const NOTHING_KEPT: KeptTexts = new Set();
export const keptTexts = (list: unknown): KeptTexts => new Set(asList(list));

export function ipAddress(text: string, kept = NOTHING_KEPT): string[] {
  if (kept.has(text)) return [];
  const sloppy = parseAddress(text, 'sloppy');
  if (!sloppy) return [MUST_BE_IP];
  if (!parseAddress(text)) return ['must not have leading 0s'];
  return isMapped(sloppy) ? ['must not be an IPv4-mapped IPv6 address'] : [];
}

/** As {@link ipAddress}, in the canonical form of IPv6 addresses (RFC 5952). */
export function canonicalIp(text: string, kept = NOTHING_KEPT): string[] {
  if (kept.has(text)) return [];
  const complaints = ipAddress(text);
  const address = parseAddress(text);
  if (complaints.length > 0 || !address) return complaints;
  const canonical = formatAddress(address);
  return canonical === text ? [] : [`must be in canonical form ("${canonical}")`];
}

/** Refuses addresses that traffic cannot reach from outside the host. Total on any text. */
export function endpointIp(text: string, kept = NOTHING_KEPT): string[] {
  if (kept.has(text)) return [];
  const address = parseAddress(text, 'sloppy');
  if (!address) return ['must be a valid IP address'];
  const complaints: string[] = [];
  if (isUnspecified(address)) complaints.push(`may not be unspecified (${text})`);
  if (isLoopback(address)) complaints.push('may not be in the loopback range (127.0.0.0/8, ::1/128)');
  if (isLinkLocal(address)) complaints.push('may not be in the link-local range (169.254.0.0/16, fe80::/10)');
  if (isLinkLocalMulticast(address))
    complaints.push('may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)');
  return complaints;
}

export function cidrBlock(text: string, kept = NOTHING_KEPT): string[] {
  if (kept.has(text)) return [];
  const sloppy = parseBlock(text, 'sloppy');
  if (!sloppy) return [MUST_BE_CIDR];
  const strict = parseBlock(text);
  if (!strict) return ['must not have leading 0s in IP or prefix length'];
  const complaints = isMapped(strict.address) ? ['must not have an IPv4-mapped IPv6 address'] : [];
  if (masked(strict).address.bits !== strict.address.bits)
    complaints.push('must not have bits set beyond the prefix length');
  return complaints;
}
