/** The commands, for `ip -batch`, that connect a container to the pods' network; ip(8). Pure. */
export interface ContainerLink {
  readonly containerId: string;
  /** A process in the container's network. */
  readonly pid: number;
  /** The pod's address. */
  readonly address: string;
}

/** The pods' network on this host. */
export interface PodsNetwork {
  readonly bridge: string;
  /** The range of all pods. */
  readonly subnet: string;
  readonly gateway: string;
}

export interface LinkPlace extends PodsNetwork {
  readonly mtu: number;
  /** A process in the host's network, such as this one. */
  readonly hostPid: number;
  /** Without it, `ip` knows no modes of its addresses. */
  readonly hasIpv6: boolean;
}

/**
 * The host's end of the address's link; no two can have it. Interface names end at 15 characters,
 * and the bridge's differs from those of other clusters in its last ones.
 */
export function hostEndOf(address: string, bridge: string): string {
  const bytes = address.split('.').map((byte) => Number(byte).toString(16).padStart(2, '0'));
  return `${hostEndPrefixOf(bridge)}${bytes.join('')}`;
}

export const hostEndPrefixOf = (bridge: string): string => `sy${bridge.slice(-5)}`;

/** Each address always has the same, so that nobody remembers a former pod's. */
export function hardwareAddressOf(address: string): string {
  const bytes = address.split('.').map((byte) => Number(byte).toString(16).padStart(2, '0'));
  return ['02', '42', ...bytes].join(':');
}

/**
 * Run in the container's network. The link begins to work with its other end, so everything else is
 * there by then. Pods have IPv4 addresses alone: an address of IPv6 would pass by policies.
 */
export function planPodEnd(address: string, place: LinkPlace): string {
  const { bridge, subnet, gateway, mtu, hostPid, hasIpv6 } = place;
  return lines([
    `link add eth0 mtu ${mtu} address ${hardwareAddressOf(address)} type veth peer name ${hostEndOf(address, bridge)} mtu ${mtu} netns ${hostPid}`,
    ...(hasIpv6 ? ['link set eth0 addrgenmode none'] : []),
    `address add ${address}/${bitsOf(subnet)} broadcast + dev eth0`,
    'link set eth0 up',
    `route add default via ${gateway} dev eth0`,
  ]);
}

/**
 * The alias says whose link it is. A pod may reach itself through a Service: its own packets come
 * back to its port (hairpin).
 */
export function planHostEnd({ containerId, address }: ContainerLink, { bridge, hasIpv6 }: LinkPlace): string {
  const end = hostEndOf(address, bridge);
  return lines([
    `link set ${end} alias ${containerId}`,
    `link set ${end} master ${bridge}`,
    `link set ${end} type bridge_slave hairpin on`,
    ...(hasIpv6 ? [`link set ${end} addrgenmode none`] : []),
    `link set ${end} up`,
  ]);
}

/** For a bridge that is there; may be repeated. */
export const planBridge = ({ bridge, subnet, gateway }: PodsNetwork): string =>
  lines([`address replace ${gateway}/${bitsOf(subnet)} broadcast + dev ${bridge}`, `link set ${bridge} up`]);

const bitsOf = (cidr: string): string => cidr.slice(cidr.indexOf('/') + 1);

const lines = (commands: readonly string[]): string => commands.map((command) => `${command}\n`).join('');
