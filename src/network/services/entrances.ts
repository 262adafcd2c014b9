/**
 * The addresses and ports by which clients reach a Service. Pure. Two Services may want the same
 * one: the older Service has it, on every host alike.
 */
import type { Service, ServicePort } from '../../schemas/types.ts';
import { ipFamily } from '../../schemas/values/ip-address.ts';

/** One address and port that clients use: of the cluster, from outside, or a node's. */
export interface Entrance {
  readonly kind: 'inner' | 'outer' | 'node';
  /** As the table's maps have it: `10.96.0.10 . udp . 53`, or `udp . 30053` on every node. */
  readonly key: string;
}

/** Another proxy serves the Services with this label (upstream's label, too). */
const OTHER_PROXY = 'service.kubernetes.io/service-proxy-name';

/** The Service's address in the cluster. Undefined where this host leads nobody to the Service. */
export function clusterIpOf({ metadata, spec }: Service): string | undefined {
  if (spec.type === 'ExternalName' || metadata.labels?.[OTHER_PROXY] !== undefined) return undefined;
  return (spec.clusterIPs ?? []).find((address) => ipFamily(address) === 'IPv4');
}

export const protocolOf = ({ protocol = 'TCP' }: ServicePort): string => protocol.toLowerCase();

export function entrancesOf(service: Service, port: ServicePort): readonly Entrance[] {
  const clusterIp = clusterIpOf(service);
  if (clusterIp === undefined) return [];
  const protocol = protocolOf(port);
  const key = (address: string): string => `${address} . ${protocol} . ${port.port}`;
  return [
    { kind: 'inner', key: key(clusterIp) },
    ...outerAddresses(service).map((address) => ({ kind: 'outer', key: key(address) }) as const),
    ...(port.nodePort ? [{ kind: 'node', key: `${protocol} . ${port.nodePort}` } as const] : []),
  ];
}

export const entranceKeys = (service: Service): readonly string[] =>
  (service.spec.ports ?? []).flatMap((port) => entrancesOf(service, port).map(({ key }) => key));

/** Addresses by which clients outside the cluster reach the Service. */
function outerAddresses({ spec, status }: Service): readonly string[] {
  const balanced = (status?.loadBalancer?.ingress ?? [])
    .filter(({ ipMode }) => ipMode !== 'Proxy')
    .flatMap(({ ip }) => (ip === undefined ? [] : [ip]));
  const all = [...(spec.externalIPs ?? []), ...balanced];
  return [...new Set(all)].filter((address) => ipFamily(address) === 'IPv4');
}

/** Sorts Services by age. */
export const seniority = ({ metadata: { creationTimestamp = '', namespace = '', name } }: Service): string =>
  `${creationTimestamp} ${namespace}/${name}`;

export interface EntranceOwners {
  /**
   * Says which entrances a Service wants; without any it gives all up. Answers the other Services
   * that get or lose an entrance by that.
   */
  claim(service: string, rank: string, keys: readonly string[]): ReadonlySet<string>;
  /** The Service that has the entrance. */
  ownerOf(key: string): string | undefined;
}

interface Claim {
  readonly service: string;
  readonly rank: string;
}

export function createEntranceOwners(): EntranceOwners {
  /** By entrance: the Services that want it, the oldest first. */
  const claims = new Map<string, readonly Claim[]>();
  const held = new Map<string, readonly string[]>();
  const ownerOf = (key: string): string | undefined => claims.get(key)?.[0]?.service;

  return {
    ownerOf,
    claim(service, rank, keys) {
      const wanted = new Set(keys);
      const concerned = new Set<string>();
      for (const key of new Set([...(held.get(service) ?? []), ...wanted])) {
        const before = ownerOf(key);
        const others = (claims.get(key) ?? []).filter((claim) => claim.service !== service);
        const all = wanted.has(key) ? [...others, { service, rank }] : others;
        if (all.length > 0) claims.set(key, all.length === 1 ? all : [...all].sort(byRank));
        else claims.delete(key);
        const after = ownerOf(key);
        if (before === after) continue;
        for (const owner of [before, after])
          if (owner !== undefined && owner !== service) concerned.add(owner);
      }
      if (wanted.size > 0) held.set(service, [...wanted]);
      else held.delete(service);
      return concerned;
    },
  };
}

const byRank = (a: Claim, b: Claim): number => (a.rank < b.rank ? -1 : 1);
