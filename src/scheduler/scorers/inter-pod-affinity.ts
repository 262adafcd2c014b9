/**
 * Preferred pod affinity and anti-affinity, both ways. Required affinity of existing pods counts
 * with weight 1 (upstream's hardPodAffinityWeight).
 */
import { ownMember } from '../../base/json.ts';
import type { AffinityTerm, NodeInfo, PodInfo, ScorePlugin } from '../types.ts';
import { normaliseByRange } from './normalise.ts';

const HARD_POD_AFFINITY_WEIGHT = 1;

export const interPodAffinity: ScorePlugin = {
  name: 'InterPodAffinity',
  weight: 2,
  score: (pod, nodes, snapshot) => {
    const hasOwn = pod.preferredAffinity.length + pod.preferredAntiAffinity.length > 0;
    if (!hasOwn && snapshot.withAffinity.size === 0) return undefined;
    const totals = new Map<string, Map<string, number>>();
    const add = (term: AffinityTerm, node: NodeInfo, weight: number): void => {
      const domain = ownMember(node.labels, term.topologyKey);
      if (domain === undefined || weight === 0) return;
      let domains = totals.get(term.topologyKey);
      if (!domains) totals.set(term.topologyKey, (domains = new Map<string, number>()));
      domains.set(domain, (domains.get(domain) ?? 0) + weight);
    };
    if (hasOwn) {
      for (const node of snapshot.nodes)
        for (const neighbour of node.pods) addOwnTerms(pod, neighbour, node, add);
    }
    for (const [node, neighbours] of snapshot.withAffinity) {
      for (const neighbour of neighbours) addNeighbourTerms(pod, neighbour, node, add);
    }
    if (totals.size === 0) return undefined;
    const raw = nodes.map((node) => {
      let score = 0;
      for (const [key, domains] of totals) score += domains.get(ownMember(node.labels, key) ?? '') ?? 0;
      return score;
    });
    return normaliseByRange(raw);
  },
};

type Add = (term: AffinityTerm, node: NodeInfo, weight: number) => void;

function addOwnTerms(pod: PodInfo, neighbour: PodInfo, node: NodeInfo, add: Add): void {
  for (const term of pod.preferredAffinity) if (term.matches(neighbour)) add(term, node, term.weight);
  for (const term of pod.preferredAntiAffinity) if (term.matches(neighbour)) add(term, node, -term.weight);
}

function addNeighbourTerms(pod: PodInfo, neighbour: PodInfo, node: NodeInfo, add: Add): void {
  for (const term of neighbour.requiredAffinity)
    if (term.matches(pod)) add(term, node, HARD_POD_AFFINITY_WEIGHT);
  for (const term of neighbour.preferredAffinity) if (term.matches(pod)) add(term, node, term.weight);
  for (const term of neighbour.preferredAntiAffinity) if (term.matches(pod)) add(term, node, -term.weight);
}
