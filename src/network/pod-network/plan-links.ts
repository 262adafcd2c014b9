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
  /** Ranges that cannot be reached, and why. */
  readonly problems: readonly string[];
}

export function planLinks({ mode, own, peers, onLink }: LinksInput): Links {
  if (mode === 'none') return { routes: [], tunnel: undefined, problems: [] };
  const routes: PodRoute[] = [];
  const tunnelPeers: TunnelPeer[] = [];
  const problems: string[] = [];
  for (const peer of peers.filter(({ address }) => address !== own.address)) {
    const isNear = onLink.some((network) => cidrContains(network, `${peer.address}/32`));
    if (mode === 'routes' && !isNear) {
      problems.push(
        `Pods of host ${peer.address} cannot be reached: it is on another network, and --network=routes was asked for`,
      );
    } else if (mode === 'vxlan' || !isNear) {
      const end = tunnelEnd(peer);
      if (!end) continue;
      tunnelPeers.push(end);
      for (const cidr of peer.podCidrs) routes.push({ cidr, via: end.tunnelAddress, isTunnelled: true });
    } else for (const cidr of peer.podCidrs) routes.push({ cidr, via: peer.address, isTunnelled: false });
  }
  const end = tunnelPeers.length > 0 ? tunnelEnd(own) : undefined;
  const { tunnelAddress: address, hardwareAddress } = end ?? {};
  return {
    routes,
    tunnel:
      address === undefined || hardwareAddress === undefined
        ? undefined
        : { address, hardwareAddress, localAddress: own.address, peers: tunnelPeers },
    problems,
  };
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
