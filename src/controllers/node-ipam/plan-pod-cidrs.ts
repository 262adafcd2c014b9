/** Hands each node its slice of the cluster's pod network; pure. A slice once given is never changed. */
import type { Node } from '../../schemas/types.ts';

export interface PodNetwork {
  /** IPv4, `10.244.0.0/16`. */
  readonly clusterCidr: string;
  /** Prefix length of a node's slice: 24 leaves 254 addresses, twice the default limit of pods. */
  readonly nodePrefix: number;
}

export const DEFAULT_POD_NETWORK: PodNetwork = { clusterCidr: '10.244.0.0/16', nodePrefix: 24 };

export interface PodCidrPlan {
  readonly assigned: readonly Node[];
  /** Nodes that went away empty-handed: all slices are taken. */
  readonly without: readonly Node[];
}

/** Lowest free slice first, in the order of the nodes' age; slice 0 is left to the system. */
export function planPodCidrs(nodes: readonly Node[], network: PodNetwork): PodCidrPlan {
  const taken = new Set(nodes.flatMap(({ spec }) => [spec.podCIDR ?? [], spec.podCIDRs ?? []].flat()));
  const waiting = nodes.filter(({ spec }) => !spec.podCIDR).sort(byAge);
  const assigned: Node[] = [];
  const without: Node[] = [];
  let index = 1;
  for (const node of waiting) {
    let slice = sliceOf(network, index);
    while (slice !== undefined && taken.has(slice)) {
      index += 1;
      slice = sliceOf(network, index);
    }
    if (slice === undefined) {
      without.push(node);
      continue;
    }
    taken.add(slice);
    assigned.push({ ...node, spec: { ...node.spec, podCIDR: slice, podCIDRs: [slice] } });
  }
  return { assigned, without };
}

function byAge(a: Node, b: Node): number {
  const [timeA, timeB] = [a.metadata.creationTimestamp ?? '', b.metadata.creationTimestamp ?? ''];
  if (timeA !== timeB) return timeA < timeB ? -1 : 1;
  return a.metadata.name < b.metadata.name ? -1 : 1;
}

/** The slice of this number, undefined beyond the end of the network. */
export function sliceOf({ clusterCidr, nodePrefix }: PodNetwork, index: number): string | undefined {
  const [address = '', prefixText = ''] = clusterCidr.split('/');
  const prefix = Number(prefixText);
  const octets = address.split('.').map(Number);
  const valid = octets.length === 4 && octets.every((octet) => octet >= 0 && octet <= 255);
  if (!valid || !(prefix >= 0 && prefix <= nodePrefix && nodePrefix <= 30)) {
    throw new Error(`Cannot divide "${clusterCidr}" into /${String(nodePrefix)} slices`);
  }
  if (index >= 2 ** (nodePrefix - prefix)) return undefined;
  const size = 2 ** (32 - prefix);
  const base = octets.reduce((sum, octet) => sum * 256 + octet, 0);
  const start = Math.floor(base / size) * size + index * 2 ** (32 - nodePrefix);
  const text = [24, 16, 8, 0].map((shift) => Math.floor(start / 2 ** shift) % 256).join('.');
  return `${text}/${String(nodePrefix)}`;
}
