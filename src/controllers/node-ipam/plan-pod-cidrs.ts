/**
 * Hands each node its slice of the pod network; pure. A slice once given is never changed, also
 * when the network is configured anew, and nobody gets addresses that overlap with it.
 */
import { type CidrRange, cidrRange, formatIpv4 } from '../../base/cidr.ts';
import type { Node } from '../../schemas/types.ts';

export interface PodNetwork {
  /** IPv4, `10.244.0.0/16`. */
  readonly clusterCidr: string;
  /** Prefix length of a node's slice: 24 leaves 253 addresses, twice the default limit of pods. */
  readonly nodePrefix: number;
}

export const DEFAULT_POD_NETWORK: PodNetwork = { clusterCidr: '10.244.0.0/16', nodePrefix: 24 };

export interface PodCidrContext {
  /** Ranges of pods whose node is gone: they may still run, so nobody else gets their addresses. */
  readonly held?: readonly string[];
  /** The slice that was given last. The search goes on behind it: freed slices rest. */
  readonly after?: number;
}

export interface PodCidrPlan {
  readonly assigned: readonly Node[];
  /** Nodes without a slice: all are taken. */
  readonly without: readonly Node[];
  /** Nodes whose slice an older node has, too: they brought it back after it was given away. */
  readonly doubled: readonly Node[];
  /** For the next plan's `after`. */
  readonly last: number;
}

/** The next free slices, in the order of the nodes' age; slice 0 is left to the system. */
export function planPodCidrs(
  nodes: readonly Node[],
  network: PodNetwork,
  { held = [], after = 0 }: PodCidrContext = {},
): PodCidrPlan {
  const owned = nodes.flatMap(ownedRanges);
  const taken = takenSlices([...owned, ...held.flatMap((cidr) => cidrRange(cidr) ?? [])], network);
  const last = taken.length - 1;
  const waiting = nodes.filter(({ spec }) => !spec.podCIDR).sort(byAge);
  const assigned: Node[] = [];
  let index = after;
  for (let tried = 0; tried < last && assigned.length < waiting.length; tried += 1) {
    index = index >= last ? 1 : index + 1;
    const node = waiting[assigned.length];
    const slice = sliceOf(network, index);
    if (taken[index] === 1 || !node || slice === undefined) continue;
    assigned.push({ ...node, spec: { ...node.spec, podCIDR: slice, podCIDRs: [slice] } });
  }
  return {
    assigned,
    without: waiting.slice(assigned.length),
    doubled: doubledNodes(owned),
    last: assigned.length > 0 ? index : after,
  };
}

interface OwnedRange extends CidrRange {
  readonly node: Node;
}

function ownedRanges(node: Node): readonly OwnedRange[] {
  const { podCIDR, podCIDRs = [] } = node.spec;
  const others = podCIDRs.filter((cidr) => cidr !== podCIDR);
  return [podCIDR ?? '', ...others].flatMap((cidr) => {
    const range = cidrRange(cidr);
    return range ? [{ ...range, node }] : [];
  });
}

/** By slice: 1 when something of it is taken. One pass, however many slices a range covers. */
function takenSlices(ranges: readonly CidrRange[], network: PodNetwork): Uint8Array {
  const { start, size, count } = layoutOf(network);
  const changes = new Int32Array(count + 1);
  for (const range of ranges) {
    const first = Math.max(Math.floor((range.first - start) / size), 0);
    const last = Math.min(Math.floor((range.last - start) / size), count - 1);
    if (first > last) continue;
    changes[first] = (changes[first] ?? 0) + 1;
    changes[last + 1] = (changes[last + 1] ?? 0) - 1;
  }
  const taken = new Uint8Array(count);
  let covering = 0;
  for (let index = 0; index < count; index += 1) {
    covering += changes[index] ?? 0;
    if (covering > 0) taken[index] = 1;
  }
  return taken;
}

function doubledNodes(owned: readonly OwnedRange[]): readonly Node[] {
  const doubled = new Set<Node>();
  const sorted = [...owned].sort((a, b) => a.first - b.first || byAge(a.node, b.node));
  let [widest] = sorted;
  for (const next of sorted) {
    if (widest && widest.node !== next.node && next.first <= widest.last) {
      doubled.add(byAge(widest.node, next.node) < 0 ? next.node : widest.node);
    }
    if (!widest || next.last > widest.last) widest = next;
  }
  return [...doubled].sort(byAge);
}

function byAge(a: Node, b: Node): number {
  const [timeA, timeB] = [a.metadata.creationTimestamp ?? '', b.metadata.creationTimestamp ?? ''];
  if (timeA !== timeB) return timeA < timeB ? -1 : 1;
  return a.metadata.name < b.metadata.name ? -1 : 1;
}

/** The slice of this number, undefined beyond the end of the network. */
export function sliceOf(network: PodNetwork, index: number): string | undefined {
  const { start, size, count } = layoutOf(network);
  if (index >= count) return undefined;
  return `${formatIpv4(start + index * size)}/${String(network.nodePrefix)}`;
}

/** How many nodes can have a slice. */
export const usableSlices = (network: PodNetwork): number => layoutOf(network).count - 1;

function layoutOf({ clusterCidr, nodePrefix }: PodNetwork): { start: number; size: number; count: number } {
  const range = cidrRange(clusterCidr);
  const size = 2 ** (32 - nodePrefix);
  const count = range ? (range.last - range.first + 1) / size : 0;
  if (!range || !(nodePrefix <= 30) || count < 1) {
    throw new Error(`Cannot divide "${clusterCidr}" into /${String(nodePrefix)} slices`);
  }
  return { start: range.first, size, count };
}
