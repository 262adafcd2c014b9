/** Kubernetes' libraries for URLs, IP addresses and blocks of them. */
import { ipFamily } from '../../validation/addresses.ts';
import type { Budget } from '../budget.ts';
import { EvaluationError, shownText } from '../errors.ts';
import { type Overload, overload, spendText } from '../overload.ts';
import { listValue, mapValue, type OpaqueValue, type Value } from '../values.ts';

interface Address {
  readonly family: 4 | 6;
  readonly bits: bigint;
}

const WIDTH = { 4: 32, 6: 128 } as const;
const ones = (count: number): bigint => (1n << BigInt(count)) - 1n;

function parseAddress(text: string): Address | undefined {
  const family = ipFamily(text);
  if (family === 'IPv4') return { family: 4, bits: fromQuad(text) };
  if (family !== 'IPv6') return undefined;
  // An IPv4 address in the clothes of the other family is refused upstream too.
  const [head = '', tail] = text.split('::');
  const groups = (part: string): bigint[] =>
    part === ''
      ? []
      : part.split(':').flatMap((group) => {
          if (!group.includes('.')) return [BigInt(`0x${group}`)];
          const quad = fromQuad(group);
          return [quad >> 16n, quad & 0xffffn];
        });
  const left = groups(head);
  const right = tail === undefined ? [] : groups(tail);
  const zeros = tail === undefined ? 0 : 8 - left.length - right.length;
  const all = [...left, ...Array.from({ length: zeros }, () => 0n), ...right];
  return { family: 6, bits: all.reduce((bits, group) => (bits << 16n) | group, 0n) };
}

const fromQuad = (text: string): bigint =>
  text.split('.').reduce((bits, part) => (bits << 8n) | BigInt(part), 0n);

/** Canonical text; of the longest runs of zeros the first is left out (RFC 5952). */
function formatAddress({ family, bits }: Address): string {
  if (family === 4) return [24n, 16n, 8n, 0n].map((shift) => (bits >> shift) & 0xffn).join('.');
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

/** Upstream takes neither zones nor IPv4 addresses mapped into IPv6. */
const isMapped = ({ family, bits }: Address): boolean => family === 6 && bits >> 32n === 0xffffn;

/** What reading one costs: more than looking at a character. */
const READ_COST = 10;
/** Longer texts are no addresses. */
const MAX_TEXT = 64;

function readAddress(text: string): Address | undefined {
  if (text.length > MAX_TEXT) return undefined;
  const address = parseAddress(text);
  return address && !isMapped(address) ? address : undefined;
}

const ipValue = (address: Address): OpaqueValue => ({
  kind: 'opaque',
  name: 'net.IP',
  text: formatAddress(address),
  data: address,
});

interface Block {
  readonly address: Address;
  readonly prefix: number;
}

function readBlock(text: string): Block | undefined {
  if (text.length > MAX_TEXT) return undefined;
  const [head = '', tail = '', ...rest] = text.split('/');
  const address = readAddress(head);
  if (!address || rest.length > 0 || !/^(0|[1-9]\d{0,2})$/.test(tail)) return undefined;
  const prefix = Number(tail);
  return prefix <= WIDTH[address.family] ? { address, prefix } : undefined;
}

const blockValue = (block: Block): OpaqueValue => ({
  kind: 'opaque',
  name: 'net.CIDR',
  text: `${formatAddress(block.address)}/${block.prefix}`,
  data: block,
});

function masked({ address, prefix }: Block): Block {
  const free = WIDTH[address.family] - prefix;
  return { address: { ...address, bits: address.bits & ~ones(free) }, prefix };
}

function holds(block: Block, address: Address): boolean {
  if (block.address.family !== address.family) return false;
  const free = BigInt(WIDTH[address.family] - block.prefix);
  return block.address.bits >> free === address.bits >> free;
}

const given = <T>(value: T | undefined, bad: string): T => {
  if (value === undefined) throw new EvaluationError(bad);
  return value;
};
const addressOf = (text: string, budget: Budget): Address => {
  budget.spend(READ_COST);
  return given(readAddress(text), `IP Address ${shownText(text)} parse error during conversion from string`);
};
const blockOf = (text: string, budget: Budget): Block => {
  budget.spend(READ_COST);
  return given(
    readBlock(text),
    `network address parse error during conversion from string: ${shownText(text)}`,
  );
};

type Ip = readonly [OpaqueValue];
const ip = (value: OpaqueValue): Address => value.data as Address;
const block = (value: OpaqueValue): Block => value.data as Block;

const property = (name: string, holdsOf: (address: Address) => boolean): Overload =>
  overload<Ip>(`net.IP.${name}(): bool`, ([value]) => holdsOf(ip(value)));

/** Whether the first bits of the address are these, in its family. */
const starts = (address: Address, v4: readonly [bigint, number], v6: readonly [bigint, number]): boolean => {
  const [bits, count] = address.family === 4 ? v4 : v6;
  return address.bits >> BigInt(WIDTH[address.family] - count) === bits;
};
const isUnspecified = ({ bits }: Address): boolean => bits === 0n;
const isLoopback = (address: Address): boolean => starts(address, [127n, 8], [1n, 128]);
const isMulticast = (address: Address): boolean => starts(address, [0xen, 4], [0xffn, 8]);
const isLinkLocal = (address: Address): boolean => starts(address, [0xa9fen, 16], [0x3fan, 10]);
const isBroadcast = ({ family, bits }: Address): boolean => family === 4 && bits === ones(32);

export const addresses: readonly Overload[] = [
  overload<readonly [string]>('isIP(string): bool', ([text], budget) => {
    budget.spend(READ_COST);
    return readAddress(text) !== undefined;
  }),
  overload<readonly [string]>('ip(string): net.IP', ([text], budget) => ipValue(addressOf(text, budget))),
  overload<Ip>('string(net.IP): string', ([value]) => value.text),
  overload<readonly [string]>(
    'static ip.isCanonical(string): bool',
    ([text], budget) => formatAddress(addressOf(text, budget)) === text,
  ),
  overload<Ip>('net.IP.family(): int', ([value]) => BigInt(ip(value).family)),
  property('isUnspecified', isUnspecified),
  property('isLoopback', isLoopback),
  property('isLinkLocalMulticast', (address) => starts(address, [0xe00000n, 24], [0xff02n, 16])),
  property('isLinkLocalUnicast', isLinkLocal),
  property(
    'isGlobalUnicast',
    (address) =>
      !isUnspecified(address) &&
      !isLoopback(address) &&
      !isMulticast(address) &&
      !isLinkLocal(address) &&
      !isBroadcast(address),
  ),
  overload<readonly [string]>('isCIDR(string): bool', ([text], budget) => {
    budget.spend(READ_COST);
    return readBlock(text) !== undefined;
  }),
  overload<readonly [string]>('cidr(string): net.CIDR', ([text], budget) =>
    blockValue(blockOf(text, budget)),
  ),
  overload<Ip>('string(net.CIDR): string', ([value]) => value.text),
  overload<Ip>('net.CIDR.ip(): net.IP', ([value]) => ipValue(block(value).address)),
  overload<Ip>('net.CIDR.masked(): net.CIDR', ([value]) => blockValue(masked(block(value)))),
  overload<Ip>('net.CIDR.prefixLength(): int', ([value]) => BigInt(block(value).prefix)),
  overload<readonly [OpaqueValue, string]>('net.CIDR.containsIP(string): bool', ([outer, text], budget) =>
    holds(block(outer), addressOf(text, budget)),
  ),
  overload<readonly [OpaqueValue, OpaqueValue]>('net.CIDR.containsIP(net.IP): bool', ([outer, inner]) =>
    holds(block(outer), ip(inner)),
  ),
  overload<readonly [OpaqueValue, string]>('net.CIDR.containsCIDR(string): bool', ([outer, text], budget) =>
    holdsBlock(block(outer), blockOf(text, budget)),
  ),
  overload<readonly [OpaqueValue, OpaqueValue]>('net.CIDR.containsCIDR(net.CIDR): bool', ([outer, inner]) =>
    holdsBlock(block(outer), block(inner)),
  ),
];

const holdsBlock = (outer: Block, inner: Block): boolean =>
  outer.prefix <= inner.prefix && holds(outer, masked(inner).address);

/** Absolute URLs and absolute paths: what Go's `url.ParseRequestURI` takes. */
interface Url {
  readonly scheme: string;
  readonly host: string;
  readonly hostname: string;
  readonly port: string;
  readonly path: string;
  readonly query: readonly (readonly [string, string])[];
}

const URL_SHAPE = /^(?:([A-Za-z][A-Za-z0-9+.-]*):)?(?:\/\/([^/?]*))?([^?]*)(?:\?(.*))?$/s;

function readUrl(text: string): Url | undefined {
  if (/[\x00-\x20\x7f]/.test(text)) return undefined;
  const [, scheme = '', authority, path = '', query = ''] = URL_SHAPE.exec(text) ?? [];
  if (scheme === '' && !(text.startsWith('/') && authority === undefined)) return undefined;
  if (/%(?![0-9A-Fa-f]{2})/.test(path)) return undefined;
  const host = (authority ?? '').replace(/^.*@/, '');
  const [, hostname, port = ''] = /^(\[[^\]]*\]|[^:]*)(?::(\d*))?$/.exec(host) ?? [];
  if (hostname === undefined || /[\s<>"\\^`{|}]/.test(hostname)) return undefined;
  const pairs = query === '' ? [] : [...new URLSearchParams(query)];
  return {
    scheme: scheme.toLowerCase(),
    host,
    hostname: hostname.replace(/^\[(.*)\]$/, '$1'),
    port,
    path: escapePath(path),
    query: pairs,
  };
}

const escapePath = (path: string): string =>
  path.replace(/[^A-Za-z0-9\-._~!$&'()*+,;=:@/%]/gu, (char) => encodeURIComponent(char));

function queryOf({ query }: Url): Value {
  const members = new Map<string, string[]>();
  for (const [name, value] of query) {
    const values = members.get(name);
    if (values) values.push(value);
    else members.set(name, [value]);
  }
  return mapValue([...members].map(([name, values]) => [name, listValue(values)] as const));
}

const part = (name: string, read: (url: Url) => string): Overload =>
  overload<Ip>(`kubernetes.URL.${name}(): string`, ([value]) => read(value.data as Url));

export const urls: readonly Overload[] = [
  overload<readonly [string]>('isURL(string): bool', ([text], budget) => {
    spendText(budget, text);
    return readUrl(text) !== undefined;
  }),
  overload<readonly [string]>('url(string): kubernetes.URL', ([text], budget) => {
    spendText(budget, text);
    const data = given(
      readUrl(text),
      `URL parse error during conversion from string: parse ${shownText(text)}: invalid URI for request`,
    );
    return { kind: 'opaque', name: 'kubernetes.URL', text, data };
  }),
  part('getScheme', ({ scheme }) => scheme),
  part('getHost', ({ host }) => host),
  part('getHostname', ({ hostname }) => hostname),
  part('getPort', ({ port }) => port),
  part('getEscapedPath', ({ path }) => path),
  overload<Ip>('kubernetes.URL.getQuery(): map<string, list<string>>', ([value]) =>
    queryOf(value.data as Url),
  ),
];
