/**
 * How the pods of other hosts are reached from this one. Pure. A range of addresses behind a host of
 * the same layer 2 is a route to that host. Other hosts are reached through VXLAN (RFC 7348), with
 * every neighbour written down: nothing is learnt and nothing is broadcast.
 */
import { cidrContains } from '../../base/cidr.ts';

/** `auto`: routes where hosts share a layer 2, and VXLAN elsewhere. */
export type NetworkMode = 'auto' | 'routes' | 'vxlan' | 'none';

/** A host with the ranges of its pods; a host that runs several nodes has several. */
export interface PeerHost {
  /** The address at which other hosts reach it. */
  readonly address: string;
  /** The nodes that it runs. */
  readonly names: readonly string[];
  readonly podCidrs: readonly string[];
}

export interface LinksInput {
  readonly mode: NetworkMode;
  readonly own: PeerHost;
  readonly peers: readonly PeerHost[];
  /** Networks that this host is part of, `192.168.77.0/24`. */
  readonly onLink: readonly string[];
}

export interface PodRoute {
  readonly cidr: string;
  readonly via: string;
  /** The tunnel's end behind which it is; absent for a plain route. */
  readonly isTunnelled: boolean;
}

/** An end of the tunnel at another host. */
export interface TunnelPeer {
  readonly tunnelAddress: string;
  readonly hardwareAddress: string;
  readonly hostAddress: string;
}

export interface Links {
  readonly routes: readonly PodRoute[];
  /** Absent when no host needs a tunnel. */
  readonly tunnel:
    | {
        readonly address: string;
        readonly hardwareAddress: string;
        readonly localAddress: string;
        readonly peers: readonly TunnelPeer[];
      }
    | undefined;
  /** Hosts of other networks, where only routes are allowed. */
  readonly unreachable: readonly PeerHost[];
}

export function planLinks({ mode, own, peers, onLink }: LinksInput): Links {
  if (mode === 'none') return { routes: [], tunnel: undefined, unreachable: [] };
  const routes: PodRoute[] = [];
  const tunnelPeers: TunnelPeer[] = [];
  const unreachable: PeerHost[] = [];
  for (const peer of peers.filter(({ address }) => address !== own.address)) {
    const isNear = onLink.some((network) => cidrContains(network, `${peer.address}/32`));
    if (mode === 'routes' && !isNear) unreachable.push(peer);
    else if (mode === 'vxlan' || !isNear) {
      const end = tunnelEnd(peer);
      if (!end) continue;
      tunnelPeers.push(end);
      for (const cidr of peer.podCidrs) routes.push({ cidr, via: end.tunnelAddress, isTunnelled: true });
    } else for (const cidr of peer.podCidrs) routes.push({ cidr, via: peer.address, isTunnelled: false });
  }
  const end = tunnelPeers.length > 0 ? tunnelEnd(own) : undefined;
  const { tunnelAddress: address, hardwareAddress } = end ?? {};
  return {
    // Without an end of its own, this host has no tunnel yet.
    routes: end || tunnelPeers.length === 0 ? routes : routes.filter(({ isTunnelled }) => !isTunnelled),
    tunnel:
      address === undefined || hardwareAddress === undefined
        ? undefined
        : { address, hardwareAddress, localAddress: own.address, peers: tunnelPeers },
    unreachable,
  };
}

/** A message names at most this many hosts. */
const MAX_NAMED = 4;

/** Undefined when every host can be reached. */
export function unreachableText(unreachable: readonly PeerHost[]): string | undefined {
  if (unreachable.length === 0) return undefined;
  const named = unreachable
    .slice(0, MAX_NAMED)
    .map(({ names, address }) => `${names.join(', ')} (${address})`);
  const more = unreachable.length - named.length;
  const all = [...named, ...(more > 0 ? [`${more} more`] : [])].join(', ');
  return (
    `Pods of ${all} cannot be reached: the host is on another network, and --network=routes allows ` +
    'no tunnel. Start all agents with --network=auto or --network=vxlan'
  );
}

/**
 * Whether this host is outside of what works. Where hosts cannot reach each other, the smaller side
 * is, so that a host that joins from elsewhere takes nothing from those that were there. Sides of one
 * size: the side of the oldest node is inside.
 */
export function isCutOff(
  own: PeerHost,
  peers: readonly PeerHost[],
  unreachable: readonly PeerHost[],
  eldest: string | undefined,
): boolean {
  const [outside, inside] = [unreachable.length, peers.length - unreachable.length + 1];
  if (inside !== outside) return inside < outside;
  return own.address !== eldest && unreachable.some(({ address }) => address === eldest);
}

/** The first address of a host's range belongs to no pod, so the tunnel has it. */
function tunnelEnd({ address, podCidrs: [first] }: PeerHost): TunnelPeer | undefined {
  const tunnelAddress = first?.split('/')[0];
  if (tunnelAddress === undefined) return undefined;
  return { tunnelAddress, hardwareAddress: hardwareAddressOf(address), hostAddress: address };
}

/** Every host derives it: locally administered, with the four bytes of the host's address. */
function hardwareAddressOf(address: string): string {
  const bytes = address.split('.').map((byte) => Number(byte).toString(16).padStart(2, '0'));
  return ['02', '53', ...bytes].join(':');
}
