/** The interfaces of this host that lead to others, as its kernel lists them. */
import { cidrContains } from '../../base/cidr.ts';
import { type RunProgram, runJson } from '../run-program.ts';
import { TUNNEL_PREFIX } from './plan-commands.ts';

export interface HostInterface {
  readonly name: string;
  readonly mtu: number;
  /** Addresses with their networks, `192.168.77.11/24`. */
  readonly addresses: readonly string[];
}

interface AddressJson {
  readonly ifname: string;
  readonly mtu: number;
  readonly addr_info?: readonly {
    readonly local?: string;
    readonly prefixlen?: number;
    readonly scope?: string;
  }[];
}

/** Interfaces of containers lead to no other host: Docker's, those of pods, and our tunnels. */
const OF_CONTAINERS = new RegExp(`^(docker|br-[0-9a-f]{12}$|sy-|veth|${TUNNEL_PREFIX})`);

export async function observeInterfaces(run: RunProgram): Promise<readonly HostInterface[]> {
  const found = await runJson<AddressJson>(run, 'ip', '-4', 'address', 'show', 'up');
  return found
    .map(({ ifname, mtu, addr_info: addresses = [] }) => ({
      name: ifname,
      mtu,
      addresses: addresses
        .filter(({ scope, local }) => scope === 'global' && local !== undefined)
        .map(({ local, prefixlen }) => `${local}/${prefixlen}`),
    }))
    .filter(({ name, addresses }) => addresses.length > 0 && !OF_CONTAINERS.test(name));
}

export interface Uplinks {
  /** Networks of this host, in which others are reached without a router. */
  readonly onLink: readonly string[];
  /** Names of the interfaces that lead to other hosts. */
  readonly names: readonly string[];
  /** Bytes, of the interface with the node's address. */
  readonly mtu: number;
  /** An interface of this host has the node's address. */
  readonly hasAddress: boolean;
}

/** The default of engines, too. */
export const USUAL_MTU = 1_500;

/** Pure. `peers`: addresses of other hosts. */
export function planUplinks(
  interfaces: readonly HostInterface[],
  address: string,
  peers: readonly string[],
): Uplinks {
  const own = interfaces.find(({ addresses }) => addresses.some((one) => one.split('/')[0] === address));
  const leadsToPeer = ({ addresses }: HostInterface): boolean =>
    addresses.some((network) => peers.some((peer) => cidrContains(network, `${peer}/32`)));
  return {
    onLink: interfaces.flatMap(({ addresses }) => addresses),
    names: interfaces.filter((one) => one === own || leadsToPeer(one)).map(({ name }) => name),
    mtu: own?.mtu ?? USUAL_MTU,
    hasAddress: own !== undefined,
  };
}
