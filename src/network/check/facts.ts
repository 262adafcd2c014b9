/** The network of one host, as its kernel has it, for `symphony net check`. Pure. */
import { isRecord } from '../../base/json.ts';
import type { NetworkMode } from '../pod-network/plan-links.ts';

export interface NetworkFacts {
  readonly mode: NetworkMode;
  /** The interface of the pods' network. */
  readonly bridge: string;
  readonly devices: readonly DeviceFact[];
  readonly routes: readonly RouteFact[];
  readonly neighbours: readonly NeighbourFact[];
  /** Absent: the kernel has no such setting. */
  readonly forwards?: boolean;
  readonly answersArp?: boolean;
  /** The host's firewall drops what nothing accepts, and nothing accepts packets of pods. */
  readonly firewallDrops?: boolean;
  /** Tables of nftables that belong to this cluster. */
  readonly tables: readonly string[];
  /** How the kernel treats connections to the address in question. */
  readonly service?: ServiceFact;
}

/** `balanced`: to endpoints. `refused`: the Service has none. */
export type ServiceFact = 'balanced' | 'refused' | 'unknown';

export interface DeviceFact {
  readonly name: string;
  readonly isUp: boolean;
  readonly mtu: number;
}

export interface RouteFact {
  readonly to: string;
  readonly via?: string;
  readonly device?: string;
}

export interface NeighbourFact {
  readonly address: string;
  readonly isReachable: boolean;
}

/** A host has a route for each other host, and a neighbour for each pod. */
const MAX_LISTED = 2_000;

const listOf = (json: string): readonly Record<string, unknown>[] => {
  const list: unknown = JSON.parse(json === '' ? '[]' : json);
  return Array.isArray(list) ? list.filter(isRecord).slice(0, MAX_LISTED) : [];
};

const text = (value: unknown): string => (typeof value === 'string' ? value : '');

/** `ip -json link show` */
export const parseDevices = (json: string): readonly DeviceFact[] =>
  listOf(json).map(({ ifname, flags, mtu }) => ({
    name: text(ifname),
    isUp: Array.isArray(flags) && flags.includes('UP'),
    mtu: typeof mtu === 'number' ? mtu : 0,
  }));

/** `ip -json -4 route show` */
export const parseRoutes = (json: string): readonly RouteFact[] =>
  listOf(json).map(({ dst, gateway, dev }) => ({
    to: text(dst),
    ...(gateway === undefined ? {} : { via: text(gateway) }),
    ...(dev === undefined ? {} : { device: text(dev) }),
  }));

/** Entries that say that nobody answers (ip-neighbour(8)). */
const UNREACHABLE = new Set(['FAILED', 'INCOMPLETE']);

/** `ip -json -4 neigh show` */
export const parseNeighbours = (json: string): readonly NeighbourFact[] =>
  listOf(json).map(({ dst, state }) => ({
    address: text(dst),
    isReachable: !(Array.isArray(state) && state.some((one) => UNREACHABLE.has(text(one)))),
  }));

/** `iptables-save --table filter`. `chain`: the one in which the cluster accepts its pods. */
export function firewallDrops(saved: string, chain: string): boolean {
  return /^:FORWARD DROP\b/m.test(saved) && !saved.includes(`-j ${chain}\n`);
}

/** `nft list tables`: those whose names begin with the prefix. */
export const parseTables = (listed: string, prefix: string): readonly string[] =>
  [...listed.matchAll(/^table \S+ (\S+)$/gm)]
    .map(([, name]) => name ?? '')
    .filter((name) => name.startsWith(prefix));
