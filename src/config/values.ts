/** Parsers of one value of the configuration. They throw an Error whose message continues "…: ". */
import { addressRange, cidrsOverlap, rangesOverlap, cidrRange } from '../base/cidr.ts';
import { isIPv4 } from 'node:net';

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
/** The longest that anything here waits; also keeps timers in range. */
const MAX_DURATION_MS = 24 * 3_600_000;

/** `500ms`, `30s`, `5m`, `1h30m` → milliseconds. */
export function parseDuration(text: string): number {
  if (!/^(?:\d+(?:\.\d+)?(?:ms|s|m|h))+$/.test(text)) throw new Error('must be a duration such as 30s or 5m');
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g))
    total += Number(amount) * (UNITS_MS[unit ?? ''] ?? 0);
  if (total > MAX_DURATION_MS) throw new Error('must be at most 24h');
  return Math.round(total);
}

export function parseInteger(text: string, minimum: number, maximum: number): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= minimum && value <= maximum))
    throw new Error(`must be a whole number from ${minimum} to ${maximum}`);
  return value;
}

/** `127.0.0.1:6443`, `[::1]:6443`, `:6443` (every address). Port 0 is any free one. */
export function parseHostPort(text: string): HostPort {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]*)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3] ?? Number.NaN);
  if (!match || !(port <= 65_535)) throw new Error('must be HOST:PORT, such as 127.0.0.1:6443');
  return { host: match[1] ?? (match[2] === '' ? '0.0.0.0' : (match[2] ?? '')), port };
}

/** The reverse of {@link parseHostPort}. */
export function formatHostPort({ host, port }: HostPort): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** "This" network, link-local, multicast and reserved ranges (RFC 6890); not loopback. */
const SPECIAL_NETWORKS = ['0.0.0.0/8', '169.254.0.0/16', '224.0.0.0/4', '240.0.0.0/4'];

/** An IPv4 network in its canonical form, `10.244.0.0/16`. */
export function parseCidr(text: string, maxPrefix: number): string {
  const [address = '', length = ''] = text.split('/');
  const prefix = /^\d{1,2}$/.test(length) ? Number(length) : Number.NaN;
  if (!isIPv4(address) || !(prefix >= 8 && prefix <= maxPrefix) || text.split('/').length !== 2)
    throw new Error(`must be an IPv4 network with a prefix from /8 to /${maxPrefix}, such as 10.244.0.0/16`);
  const bits = address.split('.').reduce((sum, part) => (sum << 8) | Number(part), 0);
  if ((bits & ~(~0 << (32 - prefix))) !== 0)
    throw new Error('must not have address bits set beyond its prefix');
  const special = SPECIAL_NETWORKS.find((network) => cidrsOverlap(network, text));
  if (special !== undefined)
    throw new Error(`must not overlap ${special}: no pod or Service can have these addresses`);
  return text;
}

/** More addresses than this are a mistyped prefix. */
const MAX_POOL_ADDRESSES = 65_536;

/** Networks and ranges of single addresses: `192.0.2.0/28,192.0.2.40-192.0.2.50`. */
export function parseAddressPool(text: string): readonly string[] {
  return text.split(',').map((item) => {
    const part = item.trim();
    const range = addressRange(part);
    if (!range)
      throw new Error(
        'must be IPv4 networks or ranges, separated by commas, such as 192.168.1.240/28 or 192.168.1.10-192.168.1.20',
      );
    if (range.last - range.first >= MAX_POOL_ADDRESSES)
      throw new Error(`must not have more than ${MAX_POOL_ADDRESSES} addresses`);
    const special = [...SPECIAL_NETWORKS, '127.0.0.0/8'].find((network) => {
      const reserved = cidrRange(network);
      return reserved !== undefined && rangesOverlap(range, reserved);
    });
    if (special !== undefined)
      throw new Error(`must not overlap ${special}: clients cannot reach these addresses`);
    return part;
  });
}

/** The scheme alone: the URL may name several hosts with ports, which URL parsers refuse. */
export function parseScheme(text: string, schemes: readonly string[]): string {
  if (schemes.some((scheme) => text.startsWith(`${scheme}://`))) return text;
  throw new Error(`must be a URL that starts with ${schemes.map((scheme) => `${scheme}://`).join(' or ')}`);
}

export function parseUrl(text: string, schemes: readonly string[]): string {
  if (URL.canParse(text) && schemes.includes(new URL(text).protocol.slice(0, -1))) return text;
  throw new Error(`must be a URL that starts with ${schemes.map((scheme) => `${scheme}://`).join(' or ')}`);
}

const LABEL = '[a-z0-9](?:[-a-z0-9]*[a-z0-9])?';
const NAME = new RegExp(`^${LABEL}(?:\\.${LABEL})*$`);

/** A node's or an application's name: a DNS subdomain, as Kubernetes names objects. */
export function parseName(text: string): string {
  if (text.length > 253 || !NAME.test(text))
    throw new Error("must be lower case letters, digits, '-' and '.', such as node-1");
  return text;
}

export function parseIpv4(text: string): string {
  if (!isIPv4(text)) throw new Error('must be an IPv4 address');
  return text;
}

/** A setting that the kernel keeps per namespace; a trailing `*` matches any rest. */
export function parseSysctlPattern(text: string): string {
  if (!/^(?:kernel\.(?:shm|msg|sem)|fs\.mqueue\.|net\.)[a-z0-9._-]*\*?$/.test(text))
    throw new Error('must be a namespaced sysctl (kernel.shm*, kernel.msg*, kernel.sem, fs.mqueue.*, net.*)');
  return text;
}
