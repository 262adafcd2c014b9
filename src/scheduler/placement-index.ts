/**
 * Places many alike pods without asking every node about each of them.
 *
 * Pods of one template are one class. While no pod has affinity terms, filters and scorers depend
 * on the class, the node, and (default spreading) the number of matching pods in its zone. Nodes
 * alike in zone and matching pods form a group; a placement moves one node. The answer is that of
 * `schedulePod`, up to the draw between equals. Other pods are left to `schedulePod`.
 */
import type { Rng } from '../base/rng.ts';
import { setRecent } from '../base/bounded-map.ts';
import { countPlaced, createPodClass, drawNode, type PodClass, tableOf } from './placement-class.ts';
import type { NodeInfo, PodInfo, Snapshot } from './types.ts';

export interface PlacementIndex {
  /** The best node; undefined if the pod fits nowhere or is not covered: then ask `schedulePod`. */
  choose(pod: PodInfo, rng: Rng): NodeInfo | undefined;
  /** Notes a placement that was added to the snapshot. */
  placed(pod: PodInfo, node: NodeInfo): void;
}

/** A class, and how many of the placements it has counted. */
interface Known {
  readonly of: PodClass | undefined;
  seen: number;
}

/** Each class holds a few numbers per node. A class beyond it costs what `schedulePod` costs. */
const MAX_CLASSES = 64;

export function createPlacementIndex(snapshot: Snapshot): PlacementIndex {
  const table = tableOf(snapshot.nodes);
  const indexOf = new Map(snapshot.nodes.map((node, index) => [node, index]));
  const classes = new Map<string, Known>();
  const placements: { readonly pod: PodInfo; readonly index: number }[] = [];
  // With such a taint anywhere, a node's score depends on the taints of the others.
  const hasSoftTaints = snapshot.nodes.some(({ taints }) =>
    taints.some(({ effect }) => effect === 'PreferNoSchedule'),
  );

  function knownOf(pod: PodInfo): Known {
    const known = classes.get(pod.classKey);
    if (known) return known;
    const of = isCovered(pod) ? createPodClass(pod, snapshot, table) : undefined;
    const created = { of, seen: placements.length };
    setRecent(classes, pod.classKey, created, MAX_CLASSES);
    return created;
  }

  return {
    choose(pod, rng) {
      if (hasSoftTaints || snapshot.withAffinity.size > 0) return undefined;
      const known = knownOf(pod);
      const { of } = known;
      if (!of) return undefined;
      for (; known.seen < placements.length; known.seen += 1) {
        const { pod: placed, index } = placements[known.seen] as (typeof placements)[number];
        countPlaced(of, table, placed, index);
      }
      const index = drawNode(of, rng);
      return index === undefined ? undefined : snapshot.nodes[index];
    },
    placed(pod, node) {
      const index = indexOf.get(node);
      if (index !== undefined) placements.push({ pod, index });
    },
  };
}

function isCovered({ claims, spec: { affinity, topologySpreadConstraints = [] } }: PodInfo): boolean {
  const preferred = affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  return claims.length + preferred.length + topologySpreadConstraints.length === 0;
}
