/**
 * Whether this machine reaches a pod's address through the pods' network. The range may also belong
 * to another network: of a second engine, a VPN, a route that somebody has set. Probes and tunnels
 * would then reach a stranger and believe its answers. Pure.
 */
import { parseAddress } from './ip-allocator.ts';

/** A line of the kernel's main routing table, in its order. */
export interface Route {
  readonly interface: string;
  readonly destination: number;
  readonly mask: number;
  readonly gateway: number;
  readonly metric: number;
}

export interface RouteTable {
  readonly routes: readonly Route[];
  /** Names of the interfaces that this process can see. */
  readonly interfaces: readonly string[];
}

export interface PodRouteInput extends RouteTable {
  readonly network: { readonly name: string; readonly gateway: string };
  /** The network's interface on the engine's machine. */
  readonly bridge: string;
  readonly address: string;
  /** The kernel's source address; undefined if it was not asked or knows no route. */
  readonly source: string | undefined;
}

/** Why the address is not the pod's; undefined if it is, or if this process cannot tell. */
export function planPodRoute(input: PodRouteInput): string | undefined {
  const { address, bridge, source, network } = input;
  const address32 = parseAddress(address);
  if (address32 === undefined) return undefined;
  const refuse = (where: string): string =>
    `address ${address} leads to ${where}, not to network "${network.name}": the range is in use on this host ` +
    `(ip route get ${address}). Remove the other route, or start the cluster with another --cluster-cidr`;
  if (source === address) return refuse('this host itself');
  const route = routeTo(input.routes, address32);
  // An agent in a container sees neither the bridge nor the host's routes; its route is the
  // gateway.
  if (!input.interfaces.includes(bridge))
    return route && route.gateway === 0 ? refuse(`interface ${route.interface}`) : undefined;
  if (!route) return refuse('nowhere');
  if (route.interface !== bridge) return refuse(`interface ${route.interface}`);
  // Rules can choose another table than the main one; only the kernel's own answer shows it.
  if (source !== undefined && source !== network.gateway)
    return refuse(`an interface with address ${source}`);
  return undefined;
}

/** The most specific route wins, then the lowest metric, then the one that was there first. */
function routeTo(routes: readonly Route[], address: number): Route | undefined {
  let best: Route | undefined;
  for (const route of routes) {
    // Bitwise operators are signed; masks are compared as numbers.
    if ((address & route.mask) >>> 0 !== route.destination) continue;
    const isBetter =
      !best || route.mask > best.mask || (route.mask === best.mask && route.metric < best.metric);
    if (isBetter) best = route;
  }
  return best;
}

/** `/proc/net/route`: a head, then routes; hexadecimal, addresses in the machine's byte order. */
export function parseRoutes(text: string): readonly Route[] {
  return text
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      const [name, destination, gateway, flags, , , metric, mask] = line.trim().split(/\s+/);
      if (name === undefined || mask === undefined) return [];
      if ((Number.parseInt(flags ?? '0', 16) & IS_UP) === 0) return [];
      return [
        {
          interface: name,
          destination: addressOf(destination),
          gateway: addressOf(gateway),
          mask: addressOf(mask),
          metric: Number(metric),
        },
      ];
    });
}

const IS_UP = 1;

const addressOf = (hex = ''): number =>
  Buffer.from(hex, 'hex').reduceRight((sum, byte) => sum * 256 + byte, 0);

/** `/proc/net/dev`: two lines of head, then `name: counters`. */
export const parseInterfaces = (text: string): readonly string[] =>
  text
    .split('\n')
    .slice(2)
    .flatMap((line) => /^\s*([^:\s]+):/.exec(line)?.[1] ?? []);
