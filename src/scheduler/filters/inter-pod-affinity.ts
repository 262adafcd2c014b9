/**
 * Required pod affinity and anti-affinity, both ways: what the pod asks of its neighbours, and what pods that are
 * already there ask of newcomers.
 */
import { ownMember } from '../../base/json.ts';
import type { AffinityTerm, FilterPlugin, NodeInfo, PodInfo, Snapshot } from '../types.ts';

const AFFINITY = { reasons: ["node(s) didn't match pod affinity rules"], resolvable: false };
const ANTI_AFFINITY = { reasons: ["node(s) didn't match pod anti-affinity rules"], resolvable: true };
const EXISTING = { reasons: ["node(s) didn't satisfy existing pods anti-affinity rules"], resolvable: true };

/** Topology key → domain → number of pods. */
interface DomainCounts {
  add(term: AffinityTerm, node: NodeInfo): void;
  has(topologyKey: string, node: NodeInfo): boolean;
  /** Whether the node is in any counted domain. */
  hits(node: NodeInfo): boolean;
  isEmpty(): boolean;
}

function createDomainCounts(): DomainCounts {
  const counts = new Map<string, Map<string, number>>();
  const has = (topologyKey: string, node: NodeInfo): boolean => {
    const domain = ownMember(node.labels, topologyKey);
    return domain !== undefined && (counts.get(topologyKey)?.get(domain) ?? 0) > 0;
  };
  return {
    add(term, node) {
      const domain = ownMember(node.labels, term.topologyKey);
      if (domain === undefined) return;
      const domains = counts.get(term.topologyKey) ?? new Map<string, number>();
      counts.set(term.topologyKey, domains.set(domain, (domains.get(domain) ?? 0) + 1));
    },
    has,
    hits: (node) => [...counts.keys()].some((key) => has(key, node)),
    isEmpty: () => counts.size === 0,
  };
}

export const interPodAffinity: FilterPlugin = {
  name: 'InterPodAffinity',
  prepare: (pod, snapshot) => {
    const existing = existingAntiAffinity(pod, snapshot);
    if (existing.isEmpty() && pod.requiredAffinity.length === 0 && pod.requiredAntiAffinity.length === 0)
      return undefined;
    const { affinity, antiAffinity } = countNeighbours(pod, snapshot);
    // The first pod of a group that wants to be near its own kind has nobody to be near to yet.
    const mayBeFirst = affinity.isEmpty() && pod.requiredAffinity.every((term) => term.matches(pod));
    return {
      refuse: (node) => {
        if (!affinitySatisfied(pod, node, affinity, mayBeFirst)) return AFFINITY;
        if (pod.requiredAntiAffinity.some((term) => antiAffinity.has(term.topologyKey, node)))
          return ANTI_AFFINITY;
        return existing.hits(node) ? EXISTING : undefined;
      },
    };
  },
};

function existingAntiAffinity(pod: PodInfo, snapshot: Snapshot): DomainCounts {
  const counts = createDomainCounts();
  for (const [node, neighbours] of snapshot.withRequiredAntiAffinity) {
    for (const neighbour of neighbours) {
      for (const term of neighbour.requiredAntiAffinity) if (term.matches(pod)) counts.add(term, node);
    }
  }
  return counts;
}

function countNeighbours(
  pod: PodInfo,
  snapshot: Snapshot,
): { readonly affinity: DomainCounts; readonly antiAffinity: DomainCounts } {
  const affinity = createDomainCounts();
  const antiAffinity = createDomainCounts();
  if (pod.requiredAffinity.length === 0 && pod.requiredAntiAffinity.length === 0)
    return { affinity, antiAffinity };
  for (const node of snapshot.nodes) {
    for (const neighbour of node.pods) {
      if (pod.requiredAffinity.length > 0 && pod.requiredAffinity.every((term) => term.matches(neighbour))) {
        for (const term of pod.requiredAffinity) affinity.add(term, node);
      }
      for (const term of pod.requiredAntiAffinity) if (term.matches(neighbour)) antiAffinity.add(term, node);
    }
  }
  return { affinity, antiAffinity };
}

function affinitySatisfied(pod: PodInfo, node: NodeInfo, counts: DomainCounts, mayBeFirst: boolean): boolean {
  if (pod.requiredAffinity.some((term) => ownMember(node.labels, term.topologyKey) === undefined))
    return false;
  return mayBeFirst || pod.requiredAffinity.every((term) => counts.has(term.topologyKey, node));
}
