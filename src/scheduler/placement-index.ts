/**
 * Places many alike pods without asking every node about each of them.
 *
 * Pods of one template are one class. As long as no pod of the cluster has affinity terms, what filters and scorers say
 * of a node depends on the class, on that node, and (default spreading) on the number of matching pods in its zone. So
 * nodes that are alike in zone and matching pods form a group, ordered within by their own score; a placement moves one
 * node. The answer is that of `schedulePod`, up to which of equal nodes is drawn; whatever is not covered is left to it.
 */
import type { Rng } from '../base/rng.ts';
import { filters } from './filters/index.ts';
import { scorers } from './scorers/index.ts';
import { podTopologySpread } from './scorers/pod-topology-spread.ts';
import { countMatching, defaultConstraints, includesNode } from './spread.ts';
import {
  MAX_NODE_SCORE,
  type NodeInfo,
  type NodeScore,
  type PodInfo,
  type PreparedFilter,
  type Snapshot,
  type SpreadConstraint,
} from './types.ts';

export interface PlacementIndex {
  /** The best node; undefined when the pod fits nowhere or is not covered: then ask `schedulePod`. */
  choose(pod: PodInfo, rng: Rng): NodeInfo | undefined;
  /** Tells of a placement that was added to the snapshot. */
  placed(pod: PodInfo, node: NodeInfo): void;
}

/** Nodes with the same spreading score, by what else they score. */
interface Group {
  readonly zone: number;
  readonly hasHostname: boolean;
  readonly matching: number;
  /** Indexed by the node's own score, a small whole number. */
  readonly byScore: number[][];
  best: number;
  size: number;
}

interface PodClass {
  readonly pod: PodInfo;
  readonly prepared: readonly PreparedFilter[];
  readonly scores: readonly { readonly weight: number; readonly of: NodeScore }[];
  /** Hostname and zone, or nothing. */
  readonly spread: readonly SpreadConstraint[];
  readonly groups: Map<string, Group>;
  readonly groupOf: (Group | undefined)[];
  readonly scoreOf: number[];
  readonly positionOf: number[];
  /** Pods on the node that the spreading counts. */
  readonly matchingOn: number[];
  /** Whether the node counts for spreading; undefined: all do. */
  readonly included: ((node: NodeInfo) => boolean) | undefined;
  /** Matching pods by zone, on all nodes that count, and feasible nodes by zone. */
  readonly matchingIn: number[];
  readonly feasibleIn: number[];
  feasible: number;
  /** How much of the journal of placements it has seen. */
  seen: number;
}

/** Classes kept; each holds a few numbers per node. A class beyond it costs what `schedulePod` costs. */
const MAX_CLASSES = 64;
const ZONE_KEY = 'topology.kubernetes.io/zone';
const HOSTNAME_KEY = 'kubernetes.io/hostname';
const NO_ZONE = 0;

export function createPlacementIndex(snapshot: Snapshot): PlacementIndex {
  const { nodes } = snapshot;
  const indexOf = new Map(nodes.map((node, index) => [node, index]));
  const zoneIds = new Map<string, number>([['', NO_ZONE]]);
  const zoneOf = nodes.map((node) => idOf(zoneIds, node.labels[ZONE_KEY] ?? ''));
  // With such a taint anywhere, a node's score depends on the taints of the others.
  const hasSoftTaints = nodes.some(({ taints }) =>
    taints.some(({ effect }) => effect === 'PreferNoSchedule'),
  );
  const classes = new Map<string, PodClass | undefined>();
  const journal: { readonly pod: PodInfo; readonly index: number }[] = [];

  function classOf(pod: PodInfo): PodClass | undefined {
    if (classes.has(pod.classKey)) return classes.get(pod.classKey);
    if (classes.size >= MAX_CLASSES) {
      const oldest = classes.keys().next();
      if (!oldest.done) classes.delete(oldest.value);
    }
    const created = isCovered(pod) ? createClass(pod) : undefined;
    classes.set(pod.classKey, created);
    return created;
  }

  function isCovered({ spec }: PodInfo): boolean {
    const { affinity, topologySpreadConstraints } = spec;
    const preferred = affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
    return preferred.length === 0 && (topologySpreadConstraints ?? []).length === 0;
  }

  function createClass(pod: PodInfo): PodClass | undefined {
    const prepared: PreparedFilter[] = [];
    for (const plugin of filters) {
      const filter = plugin.prepare(pod, snapshot);
      if (filter === undefined) continue;
      if ('whole' in filter || plugin.local !== true) return undefined;
      prepared.push(filter);
    }
    const spread = defaultConstraints(pod, snapshot);
    const [constraint] = spread;
    const includes = includesNode(pod);
    const created: PodClass = {
      pod,
      prepared,
      scores: scorers.flatMap((scorer) => {
        const scoreOf = scorer.prepare?.(pod, snapshot);
        return scoreOf ? [{ weight: scorer.weight, of: scoreOf }] : [];
      }),
      spread,
      groups: new Map(),
      groupOf: [],
      scoreOf: [],
      positionOf: [],
      matchingOn: nodes.map((node) => (constraint ? countMatching(node, pod.namespace, constraint) : 0)),
      included: constraint && ((node) => includes(constraint, node)),
      matchingIn: new Array<number>(zoneIds.size).fill(0),
      feasibleIn: new Array<number>(zoneIds.size).fill(0),
      feasible: 0,
      seen: journal.length,
    };
    nodes.forEach((node, index) => {
      if (created.included?.(node) === true)
        add(created.matchingIn, zoneOf[index], created.matchingOn[index]);
      settle(created, index);
    });
    return created;
  }

  /** Puts the node where its present state belongs. */
  function settle(of: PodClass, index: number): void {
    const node = nodes[index] as NodeInfo;
    const zone = zoneOf[index] ?? NO_ZONE;
    const before = of.groupOf[index];
    if (before) take(of, before, index);
    const feasible = of.prepared.every(
      (filter) => filter.onlyNodes?.has(node.name) !== false && filter.refuse(node) === undefined,
    );
    if (feasible !== (before !== undefined)) {
      add(of.feasibleIn, zone, feasible ? 1 : -1);
      of.feasible += feasible ? 1 : -1;
    }
    if (!feasible) {
      of.groupOf[index] = undefined;
      return;
    }
    const score = ownScore(of, node);
    const group = groupFor(of, zone, node.labels[HOSTNAME_KEY] !== undefined, of.matchingOn[index] ?? 0);
    const bucket = (group.byScore[score] ??= []);
    of.groupOf[index] = group;
    of.scoreOf[index] = score;
    of.positionOf[index] = bucket.push(index) - 1;
    group.size += 1;
    if (score > group.best) group.best = score;
  }

  function take(of: PodClass, group: Group, index: number): void {
    const bucket = group.byScore[of.scoreOf[index] ?? 0] ?? [];
    const position = of.positionOf[index] ?? 0;
    const last = bucket.pop() as number;
    if (last !== index) {
      bucket[position] = last;
      of.positionOf[last] = position;
    }
    group.size -= 1;
    while (group.best >= 0 && (group.byScore[group.best]?.length ?? 0) === 0) group.best -= 1;
  }

  function ownScore({ scores }: PodClass, node: NodeInfo): number {
    let total = 0;
    for (const { weight, of } of scores) total += of(node) * weight;
    return total;
  }

  function catchUp(of: PodClass): void {
    const [constraint] = of.spread;
    for (; of.seen < journal.length; of.seen += 1) {
      const { pod, index } = journal[of.seen] as (typeof journal)[number];
      if (
        constraint &&
        pod.namespace === of.pod.namespace &&
        !pod.terminating &&
        constraint.counts(pod.labels)
      ) {
        add(of.matchingOn, index, 1);
        if (of.included?.(nodes[index] as NodeInfo) === true) add(of.matchingIn, zoneOf[index], 1);
      }
      settle(of, index);
    }
  }

  return {
    choose(pod, rng) {
      if (hasSoftTaints || snapshot.withAffinity.size > 0) return undefined;
      const of = classOf(pod);
      if (!of) return undefined;
      catchUp(of);
      const index = draw(of, rng);
      return index === undefined ? undefined : nodes[index];
    },
    placed(pod, node) {
      const index = indexOf.get(node);
      if (index !== undefined) journal.push({ pod, index });
    },
  };
}

/** One of the nodes with the highest total, each with the same chance. */
function draw(of: PodClass, rng: Rng): number | undefined {
  let best = -1;
  let candidates: (readonly number[])[] = [];
  for (const [group, score] of scoredGroups(of)) {
    const total = score + group.best;
    const bucket = group.byScore[group.best] ?? [];
    if (total > best) {
      best = total;
      candidates = [bucket];
    } else if (total === best) candidates.push(bucket);
  }
  let pick = Math.floor(rng.next() * candidates.reduce((sum, { length }) => sum + length, 0));
  for (const bucket of candidates) {
    if (pick < bucket.length) return bucket[pick];
    pick -= bucket.length;
  }
  return undefined;
}

/** The groups that have nodes, with their weighted score for spreading: the formula of the scorer PodTopologySpread. */
function scoredGroups(of: PodClass): readonly (readonly [Group, number])[] {
  const groups = [...of.groups.values()].filter(({ size }) => size > 0);
  const [hostname, zone] = of.spread;
  if (!hostname || !zone) return groups.map((group) => [group, 0]);
  const hostnameWeight = Math.log(of.feasible + 2);
  const zones = of.feasibleIn.reduce((count, feasible) => count + (feasible > 0 ? 1 : 0), 0);
  const zoneWeight = Math.log(zones + 2);
  const raw = groups.map((group) => {
    let score = 0;
    if (group.hasHostname) score += group.matching * hostnameWeight + (hostname.maxSkew - 1);
    if (group.zone !== NO_ZONE) score += (of.matchingIn[group.zone] ?? 0) * zoneWeight + (zone.maxSkew - 1);
    return Math.round(score);
  });
  const max = Math.max(0, ...raw);
  const min = Math.min(...raw);
  return groups.map((group, at) => {
    const score =
      max === 0 ? MAX_NODE_SCORE : Math.floor((MAX_NODE_SCORE * (max + min - (raw[at] ?? 0))) / max);
    return [group, score * podTopologySpread.weight];
  });
}

function groupFor(of: PodClass, zone: number, hasHostname: boolean, matching: number): Group {
  // Without spreading it is all the same where a node is.
  const key = of.spread.length === 0 ? '' : `${zone}/${hasHostname}/${matching}`;
  let group = of.groups.get(key);
  if (!group) of.groups.set(key, (group = { zone, hasHostname, matching, byScore: [], best: -1, size: 0 }));
  return group;
}

function idOf(ids: Map<string, number>, name: string): number {
  let id = ids.get(name);
  if (id === undefined) ids.set(name, (id = ids.size));
  return id;
}

function add(counts: number[], index: number | undefined, amount: number | undefined): void {
  if (index !== undefined) counts[index] = (counts[index] ?? 0) + (amount ?? 0);
}
