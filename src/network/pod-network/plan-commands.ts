/**
 * From the links that a host should have and those that the kernel has, to the commands of `ip` and
 * `bridge` that make them equal (ip-route(8), ip-neighbour(8), bridge(8)). Pure. Routes carry a
 * protocol number of our own. Two clusters on one host have different ranges of pods, so a route of
 * that number in the cluster's range is ours, and no other is touched.
 */
import { cidrContains } from '../../base/cidr.ts';
import type { Links } from './plan-links.ts';

/** As `ip -json` and `bridge -json` list them. */
export interface ObservedLinks {
  /** Routes within the cluster's range, made by anybody. */
  readonly routes: readonly ObservedRoute[];
  /** Undefined if there is no tunnel. */
  readonly tunnel:
    | {
        readonly address: string | undefined;
        readonly hardwareAddress: string;
        readonly localAddress: string | undefined;
        readonly mtu: number;
        readonly isUp: boolean;
        readonly neighbours: readonly { readonly dst: string; readonly lladdr?: string }[];
        readonly forwarding: readonly { readonly mac: string; readonly dst?: string }[];
      }
    | undefined;
}

export interface ObservedRoute {
  readonly dst: string;
  readonly gateway?: string;
  readonly dev?: string;
  readonly protocol?: string;
}

export interface LinkSettings {
  /** The tunnel's interface. */
  readonly device: string;
  /** Tells the tunnels of two clusters apart. */
  readonly networkId: number;
  /** Addresses of all pods of the cluster. */
  readonly clusterCidr: string;
}

export interface LinkCommands {
  /** Lines for `ip -batch`. */
  readonly ip: readonly string[];
  /** Lines for `bridge -batch`, after those. */
  readonly bridge: readonly string[];
  /** Ranges that somebody else's route leads elsewhere. */
  readonly problems: readonly string[];
}

/** Marks our routes; rtnetlink(7) leaves numbers from 5 on to programs. */
export const ROUTE_PROTOCOL = 83;
/** The kernel's own default is 8472; RFC 7348 has 4789, which Docker Swarm uses. */
export const VXLAN_PORT = 8_472;
/** Outer Ethernet, IPv4, UDP and VXLAN headers. */
const VXLAN_OVERHEAD = 50;

export const tunnelMtu = (hostMtu: number): number => hostMtu - VXLAN_OVERHEAD;

/** Interface names end at 15 characters. A cluster's id has 12. */
export const tunnelDevice = (cluster: string): string => `${TUNNEL_PREFIX}${cluster.slice(0, 12)}`;
export const TUNNEL_PREFIX = 'sv-';

/** 24 bits of the cluster's id, which is hexadecimal. 0 is no network. */
export const networkIdOf = (cluster: string): number => Number.parseInt(cluster.slice(0, 6), 16) || 1;

/** `hostMtu`: bytes, of the network between the hosts. */
export function planLinkCommands(
  links: Links,
  observed: ObservedLinks,
  settings: LinkSettings,
  hostMtu: number,
): LinkCommands {
  const ip: string[] = [];
  const bridge: string[] = [];
  const problems: string[] = [];
  const tunnel = planTunnel(links, observed, { ...settings, hostMtu }, ip, bridge);
  const { device, clusterCidr } = settings;
  const wanted = new Map(links.routes.map((route) => [route.cidr, route]));
  const within = observed.routes.filter(({ dst }) => cidrContains(clusterCidr, dst));
  const isOurs = ({ protocol }: ObservedRoute): boolean => protocol === String(ROUTE_PROTOCOL);
  const has = new Map(within.filter(isOurs).map((route) => [route.dst, route]));
  const others = new Map(within.filter((route) => !isOurs(route)).map((route) => [route.dst, route]));
  for (const [cidr, { via, isTunnelled }] of wanted) {
    const leadsThere = (route: ObservedRoute | undefined): boolean =>
      route?.gateway === via && (route.dev === device) === isTunnelled;
    const found = has.get(cidr);
    const other = others.get(cidr);
    if (!found && leadsThere(other)) continue;
    if (!found && other) {
      const to = other.gateway ?? other.dev ?? 'nowhere';
      problems.push(
        `A route that is not ours leads ${cidr} to ${to}, not to ${via}. Remove it: ip route delete ${cidr}`,
      );
      continue;
    }
    // A new device has none of the routes that led through the old one.
    const isLost = isTunnelled && tunnel === 'made';
    if (leadsThere(found) && !isLost) continue;
    const through = isTunnelled ? ` dev ${device} onlink` : '';
    ip.push(`route ${found ? 'replace' : 'add'} ${cidr} via ${via}${through} proto ${ROUTE_PROTOCOL}`);
  }
  for (const [cidr, { dev }] of has)
    if (!wanted.has(cidr) && !(tunnel === 'removed' && dev === device))
      ip.push(`route delete ${cidr} proto ${ROUTE_PROTOCOL}`);
  return { ip, bridge, problems };
}

function planTunnel(
  { tunnel: wanted }: Links,
  { tunnel: has }: ObservedLinks,
  { device, networkId, hostMtu }: LinkSettings & { readonly hostMtu: number },
  ip: string[],
  bridge: string[],
): 'kept' | 'made' | 'removed' | 'none' {
  if (!wanted) {
    if (has) ip.push(`link delete ${device}`);
    return has ? 'removed' : 'none';
  }
  const isSame =
    has?.localAddress === wanted.localAddress &&
    has.hardwareAddress === wanted.hardwareAddress &&
    has.address === wanted.address;
  if (!isSame) {
    if (has) ip.push(`link delete ${device}`);
    const type = `type vxlan id ${networkId} local ${wanted.localAddress} dstport ${VXLAN_PORT} nolearning`;
    ip.push(
      `link add ${device} address ${wanted.hardwareAddress} mtu ${tunnelMtu(hostMtu)} ${type}`,
      `address add ${wanted.address}/32 dev ${device}`,
      `link set ${device} up`,
    );
  } else {
    if (has.mtu !== tunnelMtu(hostMtu)) ip.push(`link set ${device} mtu ${tunnelMtu(hostMtu)}`);
    if (!has.isUp) ip.push(`link set ${device} up`);
  }
  const kept = isSame ? has : undefined;
  const neighbours = new Map(kept?.neighbours.map(({ dst, lladdr }) => [dst, lladdr]));
  const forwarding = new Map(kept?.forwarding.map(({ mac, dst }) => [mac, dst]));
  for (const { tunnelAddress, hardwareAddress, hostAddress } of wanted.peers) {
    if (neighbours.get(tunnelAddress) !== hardwareAddress)
      ip.push(`neigh replace ${tunnelAddress} lladdr ${hardwareAddress} dev ${device} nud permanent`);
    if (forwarding.get(hardwareAddress) !== hostAddress)
      bridge.push(`fdb replace ${hardwareAddress} dev ${device} dst ${hostAddress} self permanent`);
    neighbours.delete(tunnelAddress);
    forwarding.delete(hardwareAddress);
  }
  for (const gone of neighbours.keys()) ip.push(`neigh delete ${gone} dev ${device}`);
  for (const [gone, dst] of forwarding)
    bridge.push(`fdb delete ${gone} dev ${device}${dst === undefined ? '' : ` dst ${dst}`} self`);
  return isSame ? 'kept' : 'made';
}
