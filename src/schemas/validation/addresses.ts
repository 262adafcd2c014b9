/** IP addresses and CIDR blocks, read strictly: no leading zeros, no zones, no IPv4-mapped surprises. */
const MUST_BE_IP = 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)';
const MUST_BE_CIDR = 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)';

export type IpFamily = 'IPv4' | 'IPv6';

export function ipFamily(text: string): IpFamily | undefined {
  if (isIpv4(text)) return 'IPv4';
  return isIpv6(text) ? 'IPv6' : undefined;
}

export function ipAddress(text: string): string[] {
  return ipFamily(text) ? [] : [MUST_BE_IP];
}

export function cidrBlock(text: string): string[] {
  return isCidr(text) ? [] : [MUST_BE_CIDR];
}

function isCidr(text: string): boolean {
  const [address = '', length = '', ...rest] = text.split('/');
  const family = ipFamily(address);
  if (rest.length > 0 || !family || !/^(0|[1-9]\d{0,2})$/.test(length)) return false;
  return Number(length) <= (family === 'IPv4' ? 32 : 128);
}

function isIpv4(text: string): boolean {
  const parts = text.split('.');
  return parts.length === 4 && parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255);
}

/** RFC 4291: eight groups, one run of them may be `::`, the last two may be written as IPv4. */
function isIpv6(text: string): boolean {
  const halves = text.split('::');
  if (halves.length > 2 || !text.includes(':')) return false;
  let count = 0;
  const groups = halves.map((half) => (half === '' ? [] : half.split(':')));
  const last = groups.at(-1);
  for (const list of groups) {
    for (const [index, group] of list.entries()) {
      if (/^[0-9a-fA-F]{1,4}$/.test(group)) count += 1;
      else if (list === last && index === list.length - 1 && isIpv4(group)) count += 2;
      else return false;
    }
  }
  return halves.length === 2 ? count <= 7 : count === 8;
}
