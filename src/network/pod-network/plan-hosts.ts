/**
 * From the nodes of the cluster to hosts: nodes with the same InternalIP share one. Pure. A node says
 * itself which addresses it has, so a range is believed only within the cluster's own, and only
 * where no other host has it. IPv4 alone.
 */
import { cidrContains, type CidrRange, cidrRange } from '../../base/cidr.ts';
import type { Node } from '../../schemas/types.ts';
import type { PeerHost } from './plan-links.ts';

export interface HostsInput {
  readonly nodes: Iterable<Node>;
  /** Nodes of this host, whatever address the control plane shows of them. */
  readonly ownNames: ReadonlySet<string>;
  readonly ownAddress: string;
  readonly clusterCidr: string;
}

export interface Hosts {
  readonly own: PeerHost;
  /** The host of the oldest node first. */
  readonly peers: readonly PeerHost[];
  /** Nodes that are left out, and why. */
  readonly problems: readonly string[];
  /** The address of the host with the oldest node. */
  readonly eldest: string | undefined;
}

/** Addresses that lead to no other host. */
const NO_HOST = ['0.0.0.0/8', '127.0.0.0/8', '169.254.0.0/16', '224.0.0.0/3'];

export function planHosts({ nodes, ownNames, ownAddress, clusterCidr }: HostsInput): Hosts {
  const problems: string[] = [];
  const taken: (CidrRange & { readonly name: string })[] = [];
  const byAddress = new Map<string, { names: string[]; podCidrs: string[] }>();
  const isOwn = (node: Node): boolean => ownNames.has(node.metadata.name) || addressOf(node) === ownAddress;
  const sorted = [...nodes].sort(byAge);
  const add = (node: Node, address: string): void => {
    const { name } = node.metadata;
    const host = byAddress.get(address) ?? { names: [], podCidrs: [] };
    byAddress.set(address, host);
    host.names.push(name);
    for (const cidr of rangesOf(node)) {
      const range = cidrRange(cidr);
      if (!range) continue;
      const owner = taken.find(({ first, last }) => first <= range.last && range.first <= last);
      if (!cidrContains(clusterCidr, cidr))
        problems.push(`Node ${name} has podCIDR ${cidr}, which is not in --cluster-cidr ${clusterCidr}`);
      else if (owner && owner.name !== name)
        problems.push(`Node ${name} has podCIDR ${cidr}, which node ${owner.name} has, too`);
      else {
        taken.push({ ...range, name });
        host.podCidrs.push(cidr);
      }
    }
  };
  // Pods of this host keep their addresses, whatever other nodes say.
  for (const node of sorted) if (isOwn(node)) add(node, ownAddress);
  for (const node of sorted) {
    const address = addressOf(node);
    if (isOwn(node) || address === undefined) continue;
    const problem = addressProblem(address, clusterCidr);
    if (problem === undefined) add(node, address);
    else problems.push(`Node ${node.metadata.name} has InternalIP ${address}, which is ${problem}`);
  }
  const hosts = [...byAddress].map(([address, host]) => ({ address, ...host }));
  const [eldest] = sorted;
  return {
    own: hosts.find(({ address }) => address === ownAddress) ?? {
      address: ownAddress,
      names: [],
      podCidrs: [],
    },
    peers: hosts.filter(({ address, podCidrs }) => address !== ownAddress && podCidrs.length > 0),
    problems,
    eldest: eldest && (isOwn(eldest) ? ownAddress : addressOf(eldest)),
  };
}

const addressOf = ({ status }: Node): string | undefined =>
  status?.addresses?.find(({ type }) => type === 'InternalIP')?.address;

/** Those of IPv6 are no ranges here. */
const rangesOf = ({ spec: { podCIDR, podCIDRs = [] } }: Node): ReadonlySet<string> =>
  new Set([...(podCIDR === undefined ? [] : [podCIDR]), ...podCIDRs]);

/** All of a node that hosts are made from, as text: most changes of nodes are others. */
export const hostFactsOf = (node: Node): string =>
  JSON.stringify([node.metadata.creationTimestamp, addressOf(node), ...rangesOf(node)]);

function addressProblem(address: string, clusterCidr: string): string | undefined {
  const range = `${address}/32`;
  if (!cidrRange(range)) return 'no IPv4 address';
  if (cidrContains(clusterCidr, range)) return `an address of pods (--cluster-cidr ${clusterCidr})`;
  return NO_HOST.some((none) => cidrContains(none, range)) ? 'no address of a host' : undefined;
}

function byAge(a: Node, b: Node): number {
  const [one, other] = [a.metadata.creationTimestamp ?? '', b.metadata.creationTimestamp ?? ''];
  if (one !== other) return one < other ? -1 : 1;
  return a.metadata.name < b.metadata.name ? -1 : 1;
}
