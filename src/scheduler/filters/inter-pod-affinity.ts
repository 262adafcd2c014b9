/** Required pod affinity and anti-affinity: of the pod, and of the pods that are already there. */
import { ownMember } from '../../base/json.ts';
import type { AffinityTerm, FilterPlugin, NodeInfo, PodInfo, Refusal } from '../types.ts';

const AFFINITY = { reasons: ["node(s) didn't match pod affinity rules"], resolvable: false };
const ANTI_AFFINITY = { reasons: ["node(s) didn't match pod anti-affinity rules"], resolvable: true };
const EXISTING = { reasons: ["node(s) didn't satisfy existing pods anti-affinity rules"], resolvable: true };

/** Topology key → domain → number of pods. */
type DomainCounts = Map<string, Map<string, number>>;

interface Counts {
  /** Terms of pods that are there, met by the newcomer. */
  readonly existing: DomainCounts;
  /** The newcomer's terms, met by pods that are there. */
  readonly affinity: DomainCounts;
  readonly antiAffinity: DomainCounts;
}

const noCounts = (): Counts => ({ existing: new Map(), affinity: new Map(), antiAffinity: new Map() });

export const interPodAffinity: FilterPlugin = {
  name: 'InterPodAffinity',
  prepare: (pod, snapshot) => {
    const counts = noCounts();
    for (const [node, neighbours] of snapshot.withRequiredAntiAffinity)
      for (const neighbour of neighbours) countExisting(counts, pod, neighbour, node);
    if (
      counts.existing.size === 0 &&
      pod.requiredAffinity.length === 0 &&
      pod.requiredAntiAffinity.length === 0
    )
      return undefined;
    if (pod.requiredAffinity.length > 0 || pod.requiredAntiAffinity.length > 0)
      for (const node of snapshot.nodes)
        for (const neighbour of node.pods) countNeighbour(counts, pod, neighbour, node);
    const total = totalOf(counts.affinity);
    const wantsItsOwnKind = pod.requiredAffinity.every((term) => term.matches(pod));
    const refuse = (node: NodeInfo, gone: Counts): Refusal | undefined => {
      const has = (of: keyof Counts, key: string): boolean =>
        countOf(counts[of], key, node) - countOf(gone[of], key, node) > 0;
      // The first pod of a group with affinity to itself finds no other member yet.
      const isFirst = wantsItsOwnKind && total === totalOf(gone.affinity);
      const near = ({ topologyKey }: AffinityTerm): boolean =>
        ownMember(node.labels, topologyKey) !== undefined && (isFirst || has('affinity', topologyKey));
      if (!pod.requiredAffinity.every(near)) return AFFINITY;
      if (pod.requiredAntiAffinity.some(({ topologyKey }) => has('antiAffinity', topologyKey)))
        return ANTI_AFFINITY;
      return [...counts.existing.keys()].some((key) => has('existing', key)) ? EXISTING : undefined;
    };
    const none = noCounts();
    return {
      refuse: (node) => refuse(node, none),
      refuseEmptied(node, emptied) {
        const left = new Set(emptied.pods);
        const gone = noCounts();
        for (const neighbour of node.pods) {
          if (left.has(neighbour)) continue;
          countExisting(gone, pod, neighbour, node);
          countNeighbour(gone, pod, neighbour, node);
        }
        return refuse(node, gone);
      },
    };
  },
};

function countExisting({ existing }: Counts, pod: PodInfo, neighbour: PodInfo, node: NodeInfo): void {
  for (const term of neighbour.requiredAntiAffinity) if (term.matches(pod)) add(existing, term, node);
}

function countNeighbour(counts: Counts, pod: PodInfo, neighbour: PodInfo, node: NodeInfo): void {
  if (pod.requiredAffinity.length > 0 && pod.requiredAffinity.every((term) => term.matches(neighbour)))
    for (const term of pod.requiredAffinity) add(counts.affinity, term, node);
  for (const term of pod.requiredAntiAffinity)
    if (term.matches(neighbour)) add(counts.antiAffinity, term, node);
}

function add(counts: DomainCounts, { topologyKey }: AffinityTerm, node: NodeInfo): void {
  const domain = ownMember(node.labels, topologyKey);
  if (domain === undefined) return;
  const domains = counts.get(topologyKey) ?? new Map<string, number>();
  counts.set(topologyKey, domains.set(domain, (domains.get(domain) ?? 0) + 1));
}

function countOf(counts: DomainCounts, topologyKey: string, node: NodeInfo): number {
  const domain = ownMember(node.labels, topologyKey);
  return domain === undefined ? 0 : (counts.get(topologyKey)?.get(domain) ?? 0);
}

function totalOf(counts: DomainCounts): number {
  let total = 0;
  for (const domains of counts.values()) for (const count of domains.values()) total += count;
  return total;
}
