/**
 * A question about the cluster's names → its records. Pure. The rules are those of "Kubernetes
 * DNS-Based Service Discovery" 1.1.0; pod records, PTR records of endpoints and negative answers
 * are CoreDNS'.
 */
import type { Endpoint, EndpointSlice, Service } from '../../schemas/types.ts';
import { ipFamily } from '../../schemas/values/ip-address.ts';
import { addressOfPointer } from './pointer-name.ts';

/** The objects that names are made of. */
export interface ClusterNames {
  service(namespace: string, name: string): Service | undefined;
  slices(namespace: string, service: string): readonly EndpointSlice[];
  hasNamespace(name: string): boolean;
  /** Services with this address, or with an endpoint that has it. */
  servicesAt(address: string): readonly Service[];
}

export type DnsRecord =
  | { readonly type: 'A' | 'AAAA' | 'CNAME' | 'NS' | 'PTR'; readonly name: string; readonly data: string }
  | { readonly type: 'SRV'; readonly name: string; readonly port: number; readonly target: string }
  | { readonly type: 'TXT'; readonly name: string; readonly data: string };

export type Answer =
  /** Without answers the name exists, and has no record of this type. */
  | {
      readonly code: 'NOERROR';
      readonly answers: readonly DnsRecord[];
      readonly additionals: readonly DnsRecord[];
    }
  | { readonly code: 'NXDOMAIN' }
  /** Not a name of the cluster: somebody else's question. */
  | { readonly code: 'FORWARD' }
  /** A name outside, whose addresses follow the record. */
  | { readonly code: 'ALIAS'; readonly record: DnsRecord; readonly target: string };

export interface Question {
  /** Without the last dot, in lower case. */
  readonly name: string;
  readonly type: string;
}

/** The version of the specification that `dns-version` answers. */
const SCHEMA_VERSION = '1.1.0';
const NXDOMAIN: Answer = { code: 'NXDOMAIN' };
const found = (answers: readonly DnsRecord[], additionals: readonly DnsRecord[] = []): Answer => ({
  code: 'NOERROR',
  answers,
  additionals,
});

/** `zone`: the cluster's domain, `cluster.local`. */
export function answerQuestion({ name, type }: Question, zone: string, names: ClusterNames): Answer {
  const pointed = addressOfPointer(name);
  if (pointed !== undefined) return answerPointer(name, type, pointed, zone, names);
  if (name === zone) return found([]);
  if (!name.endsWith(`.${zone}`)) return { code: 'FORWARD' };
  const labels = name
    .slice(0, -zone.length - 1)
    .split('.')
    .reverse();
  const [kind, namespace, subject, ...rest] = labels;
  if (kind === 'dns-version' && labels.length === 1)
    return found(type === 'TXT' ? [{ type: 'TXT', name, data: SCHEMA_VERSION }] : []);
  if (kind !== 'svc' && kind !== 'pod') return NXDOMAIN;
  if (namespace === undefined) return found([]);
  if (!names.hasNamespace(namespace)) return NXDOMAIN;
  if (subject === undefined) return found([]);
  if (kind === 'pod') return rest.length > 0 ? NXDOMAIN : answerPod(name, type, subject);
  const service = names.service(namespace, subject);
  if (!service) return NXDOMAIN;
  const records = createServiceRecords(service, names.slices(namespace, subject), zone);
  return answerService({ name, type }, rest, service, records);
}

function answerService(
  { name, type }: Question,
  rest: readonly string[],
  { spec }: Service,
  records: ServiceRecords,
): Answer {
  if (spec.type === 'ExternalName') {
    if (rest.length > 0 || !spec.externalName) return NXDOMAIN;
    const target = spec.externalName.toLowerCase().replace(/\.$/, '');
    // An address is no name that a CNAME could lead to.
    if (ipFamily(target) !== undefined) return found([]);
    return { code: 'ALIAS', record: { type: 'CNAME', name, data: target }, target };
  }
  const [first, second, ...more] = rest;
  if (more.length > 0) return NXDOMAIN;
  if (first === undefined) {
    if (type === 'SRV') return records.ports(name, () => true);
    return records.hosts.length > 0 || !records.isHeadless
      ? found(addresses(name, type, records.hosts))
      : NXDOMAIN;
  }
  if (second !== undefined) {
    if (!first.startsWith('_') || !second.startsWith('_')) return NXDOMAIN;
    const [protocol, port] = [first.slice(1), second.slice(1)];
    const answer = records.ports(name, (one) => one.name === port && one.protocol.toLowerCase() === protocol);
    if (answer.code !== 'NOERROR' || answer.answers.length === 0) return NXDOMAIN;
    return type === 'SRV' ? answer : found([]);
  }
  const host = records.hosts.filter(({ label }) => label === first);
  if (host.length === 0)
    return first.startsWith('_') && records.hasProtocol(first.slice(1)) ? found([]) : NXDOMAIN;
  return found(addresses(name, type, host));
}

/** One address behind a Service's name. */
interface HostRecord {
  /** The name below the Service's own; undefined for the Service's address. */
  readonly label: string | undefined;
  readonly address: string;
}

interface PortRecord {
  readonly name: string;
  readonly protocol: string;
  readonly port: number;
}

interface ServiceRecords {
  readonly isHeadless: boolean;
  readonly hosts: readonly HostRecord[];
  hasProtocol(protocol: string): boolean;
  ports(name: string, matches: (port: PortRecord) => boolean): Answer;
}

function createServiceRecords(
  { metadata, spec }: Service,
  slices: readonly EndpointSlice[],
  zone: string,
): ServiceRecords {
  const isHeadless = spec.clusterIP === 'None' || !spec.clusterIP;
  const own = `${metadata.name ?? ''}.${metadata.namespace ?? ''}.svc.${zone}`;
  const clusterHosts = (spec.clusterIPs ?? []).map((address) => ({ label: undefined, address }));
  const served = slices.flatMap((slice) => {
    const hosts = (slice.endpoints ?? []).filter(isServed).flatMap(hostsOf);
    return (slice.ports ?? []).flatMap(({ name = '', protocol = 'TCP', port }) =>
      port === undefined ? [] : hosts.map((host) => ({ name, protocol, port, host })),
    );
  });
  const portless = slices.flatMap((slice) => (slice.endpoints ?? []).filter(isServed).flatMap(hostsOf));
  const headlessPorts = served.map(({ host, ...port }) => ({ port, host }));
  const clusterPorts = (spec.ports ?? []).flatMap(({ name = '', protocol = 'TCP', port }) =>
    clusterHosts.map((host) => ({ port: { name, protocol, port }, host })),
  );
  const all: readonly { readonly port: PortRecord; readonly host: HostRecord }[] = isHeadless
    ? headlessPorts
    : clusterPorts;
  return {
    isHeadless,
    hosts: isHeadless ? unique(portless, ({ label, address }) => `${label ?? ''} ${address}`) : clusterHosts,
    hasProtocol: (protocol) => all.some(({ port }) => port.protocol.toLowerCase() === protocol),
    ports(name, matches) {
      const matching = all.filter(({ port }) => matches(port));
      const target = ({ label }: HostRecord): string => (label === undefined ? own : `${label}.${own}`);
      const records = matching.map(({ port, host }) => ({
        type: 'SRV' as const,
        name,
        port: port.port,
        target: target(host),
      }));
      const additionals = matching.flatMap(({ host }) => addressRecord(target(host), host.address));
      return found(
        unique(records, (one) => `${one.port} ${one.target}`),
        unique(additionals, (one) => `${one.name} ${one.data}`),
      );
    },
  };
}

/** A slice of a Service that publishes addresses that are not ready says that they are. */
const isServed = ({ conditions }: Endpoint): boolean => conditions?.ready !== false;

const hostsOf = ({ hostname, addresses: all }: Endpoint): readonly HostRecord[] =>
  all.map((address) => ({ label: hostname ?? dashed(address), address }));

/** `10.0.0.1` → `10-0-0-1`. */
const dashed = (address: string): string => address.replaceAll(/[.:]/g, '-');

function addresses(name: string, type: string, hosts: readonly HostRecord[]): readonly DnsRecord[] {
  const records = hosts.flatMap(({ address }) => addressRecord(name, address));
  return unique(
    records.filter((record) => record.type === type),
    (record) => record.data,
  );
}

function addressRecord(name: string, address: string) {
  const family = ipFamily(address);
  if (family === undefined) return [];
  return [{ type: family === 'IPv4' ? ('A' as const) : ('AAAA' as const), name, data: address }];
}

/** `10-0-0-1.NAMESPACE.pod` is that address, whether or not a pod has it. */
function answerPod(name: string, type: string, label: string): Answer {
  const v4 = label.replaceAll('-', '.');
  const v6 = label.replaceAll('-', ':');
  const address = [v4, v6].find((text) => ipFamily(text) !== undefined);
  return address === undefined ? NXDOMAIN : found(addresses(name, type, [{ label: undefined, address }]));
}

function answerPointer(
  name: string,
  type: string,
  address: string,
  zone: string,
  names: ClusterNames,
): Answer {
  const services = names.servicesAt(address);
  const targets = services.flatMap((service) => {
    const { metadata, spec } = service;
    const own = `${metadata.name ?? ''}.${metadata.namespace ?? ''}.svc.${zone}`;
    if (spec.clusterIPs?.includes(address)) return [own];
    const records = createServiceRecords(
      service,
      names.slices(metadata.namespace ?? '', metadata.name ?? ''),
      zone,
    );
    if (!records.isHeadless) return [];
    return records.hosts
      .filter((host) => host.address === address)
      .map(({ label }) => `${label ?? ''}.${own}`);
  });
  // Somebody else may know an address that no Service has.
  if (targets.length === 0) return { code: 'FORWARD' };
  if (type !== 'PTR') return found([]);
  return found([...new Set(targets)].sort().map((data) => ({ type: 'PTR', name, data })));
}

const unique = <T>(items: readonly T[], keyOf: (item: T) => string): readonly T[] => [
  ...new Map(items.map((item) => [keyOf(item), item])).values(),
];
