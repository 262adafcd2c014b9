/** Kubernetes' libraries for URLs, IP addresses and blocks of them. */
import {
  type Address,
  type Block,
  formatAddress,
  holds,
  holdsBlock,
  isBroadcast,
  isLinkLocal,
  isLinkLocalMulticast,
  isLoopback,
  isMapped,
  isMulticast,
  isUnspecified,
  masked,
  parseAddress,
  parseBlock,
} from '../../values/ip-address.ts';
import type { Budget } from '../budget.ts';
import { EvaluationError, shownText } from '../errors.ts';
import { type Overload, overload, spendText } from '../overload.ts';
import { listValue, mapValue, type OpaqueValue, type Value } from '../values.ts';

/** The cost of parsing an address: more than reading a character. */
const READ_COST = 10;
/** Upstream takes no IPv4 addresses mapped into IPv6. */
function readAddress(text: string): Address | undefined {
  const address = parseAddress(text);
  return address && !isMapped(address) ? address : undefined;
}

const ipValue = (address: Address): OpaqueValue => ({
  kind: 'opaque',
  name: 'net.IP',
  text: formatAddress(address),
  data: address,
});

function readBlock(text: string): Block | undefined {
  const block = parseBlock(text);
  return block && !isMapped(block.address) ? block : undefined;
}

const blockValue = (block: Block): OpaqueValue => ({
  kind: 'opaque',
  name: 'net.CIDR',
  text: `${formatAddress(block.address)}/${block.prefix}`,
  data: block,
});

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
  overload<Ip>('net.IP.family(): int', ([value]) => (ip(value).family === 'IPv4' ? 4n : 6n)),
  property('isUnspecified', isUnspecified),
  property('isLoopback', isLoopback),
  property('isLinkLocalMulticast', isLinkLocalMulticast),
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
