/**
 * Which addresses of load balancers this host holds, and on which interface. Pure. An address of
 * ours is one that the record names: an address that somebody else set stays as it is.
 */
import { cidrContains, cidrRange, formatIpv4 } from '../../base/cidr.ts';
import { ANNOUNCED_BY } from '../../schemas/load-balancers.ts';
import type { Service } from '../../schemas/types.ts';
import { ipFamily } from '../../schemas/values/ip-address.ts';

export interface HostAddress {
  readonly device: string;
  readonly address: string;
  readonly prefix: number;
}

export interface HeldAddress {
  readonly address: string;
  readonly device: string;
}

export interface AnnouncementsInput {
  /** Addresses that this host is to answer for. */
  readonly wanted: Iterable<string>;
  /** The record: what this host may have added before. */
  readonly held: readonly HeldAddress[];
  /** The kernel's addresses, in its order. */
  readonly observed: readonly HostAddress[];
  /** The host's own address in the cluster. */
  readonly hostAddress: string;
  /** Interfaces of pods' networks. */
  readonly bridge: string;
}

export interface AnnouncementPlan {
  /** The record from now on: ours now, and ours that are still to be removed. */
  readonly held: readonly HeldAddress[];
  readonly remove: readonly HeldAddress[];
  /** All that neighbours may be told of, also what somebody else has set. */
  readonly announced: readonly HeldAddress[];
  /** Those of `announced` that were not here before. */
  readonly fresh: readonly HeldAddress[];
  /** In no network of this host: whoever routes them here reaches them all the same. */
  readonly unplaced: readonly string[];
}

/** The addresses of Services that one of these nodes answers for, with the Services' keys. */
export function wantedAddresses(
  services: Iterable<readonly [string, Service]>,
  nodes: ReadonlySet<string>,
): ReadonlyMap<string, string> {
  const wanted = new Map<string, string>();
  for (const [key, { metadata, spec, status }] of services) {
    if (spec.type !== 'LoadBalancer' || !nodes.has(metadata.annotations?.[ANNOUNCED_BY] ?? '')) continue;
    for (const { ip = '', ipMode } of status?.loadBalancer?.ingress ?? [])
      if (ipMode !== 'Proxy' && ipFamily(ip) === 'IPv4') wanted.set(ip, key);
  }
  return wanted;
}

export function planAnnouncements(input: AnnouncementsInput): AnnouncementPlan {
  const { held, observed } = input;
  const networks = networksOf(input);
  const has = (one: HeldAddress): boolean =>
    observed.some(({ address, device }) => address === one.address && device === one.device);
  const own = new Set(held.map(({ address, device }) => `${address} ${device}`));
  const isOwn = ({ address, device }: HeldAddress): boolean => own.has(`${address} ${device}`);

  const placed: HeldAddress[] = [];
  const foreigners: HeldAddress[] = [];
  const unplaced: string[] = [];
  for (const address of [...input.wanted].sort()) {
    const foreign = observed.find((one) => one.address === address && !isOwn(one));
    const network = networks.find(({ cidr }) => cidrContains(cidr, `${address}/32`));
    if (foreign) foreigners.push({ address, device: foreign.device });
    else if (network) placed.push({ address, device: network.device });
    else unplaced.push(address);
  }
  const isPlaced = new Set(placed.map(({ address, device }) => `${address} ${device}`));
  const gone = held.filter((one) => !isPlaced.has(`${one.address} ${one.device}`) && has(one));
  return {
    held: [...placed, ...gone],
    remove: gone,
    announced: [...foreigners, ...placed],
    fresh: placed.filter((one) => !has(one)),
    unplaced,
  };
}

interface HostNetworkRange {
  readonly cidr: string;
  readonly device: string;
}

/** Networks of containers are not the hosts'. Docker names them so, and so do we. */
const CONTAINERS = /^(?:lo|docker\d+|docker_gwbridge|br-[0-9a-f]{12}|sy-[0-9a-f]{12}|veth.*)$/;

/** The networks in which the host can answer for an address: its main one first, then the narrowest. */
export function networksOf({
  observed,
  hostAddress,
  bridge,
}: Pick<AnnouncementsInput, 'observed' | 'hostAddress' | 'bridge'>): readonly HostNetworkRange[] {
  const isMain = ({ address }: HostAddress): boolean => address === hostAddress;
  return observed
    .filter(({ device, prefix }) => prefix < 32 && device !== bridge && !CONTAINERS.test(device))
    .sort((a, b) => Number(isMain(b)) - Number(isMain(a)) || b.prefix - a.prefix)
    .flatMap(({ address, prefix, device }) => {
      const range = cidrRange(`${address}/${prefix}`);
      return range ? [{ cidr: `${formatIpv4(range.first)}/${prefix}`, device }] : [];
    });
}

/** Lines for `ip -batch`. `lifetime`: how long the kernel keeps them without being told again. */
export const holdCommands = (held: readonly HeldAddress[], lifetime: string): readonly string[] =>
  held.map(
    ({ address, device }) =>
      `address replace ${address}/32 dev ${device} valid_lft ${lifetime} preferred_lft ${lifetime}`,
  );

export const removeCommands = (gone: readonly HeldAddress[]): readonly string[] =>
  gone.map(({ address, device }) => `address delete ${address}/32 dev ${device}`);
