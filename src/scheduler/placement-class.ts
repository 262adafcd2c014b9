/**
 * Pods of one template, with the nodes that they fit on, grouped by the spreading score of a node
 * and ordered within a group by the node's own score.
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

/** The nodes of a snapshot by number, each with the number of its zone. */
export interface NodeTable {
  readonly nodes: readonly NodeInfo[];
  readonly zoneOf: readonly number[];
  readonly zoneCount: number;
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

export interface PodClass {
  readonly pod: PodInfo;
  readonly prepared: readonly PreparedFilter[];
  readonly scores: readonly { readonly weight: number; readonly of: NodeScore }[];
  /** The constraints for hostname and zone, or none. */
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
}

const ZONE_KEY = 'topology.kubernetes.io/zone';
const HOSTNAME_KEY = 'kubernetes.io/hostname';
const NO_ZONE = 0;

export function tableOf(nodes: readonly NodeInfo[]): NodeTable {
  const zones = new Map<string, number>([['', NO_ZONE]]);
  const zoneOf = nodes.map(({ labels }) => {
    const name = labels[ZONE_KEY] ?? '';
    const zone = zones.get(name) ?? zones.size;
    zones.set(name, zone);
    return zone;
  });
  return { nodes, zoneOf, zoneCount: zones.size };
}

/** Undefined if a filter looks at more than the node itself. */
export function createPodClass(pod: PodInfo, snapshot: Snapshot, table: NodeTable): PodClass | undefined {
  const prepared = prepareLocalFilters(pod, snapshot);
  if (!prepared) return undefined;
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
    matchingOn: table.nodes.map((node) => (constraint ? countMatching(node, pod.namespace, constraint) : 0)),
    included: constraint && ((node) => includes(constraint, node)),
    matchingIn: new Array<number>(table.zoneCount).fill(0),
    feasibleIn: new Array<number>(table.zoneCount).fill(0),
    feasible: 0,
  };
  table.nodes.forEach((node, index) => {
    if (created.included?.(node) === true)
      add(created.matchingIn, table.zoneOf[index], created.matchingOn[index]);
    settle(created, table, index);
  });
  return created;
}

function prepareLocalFilters(pod: PodInfo, snapshot: Snapshot): readonly PreparedFilter[] | undefined {
  const prepared: PreparedFilter[] = [];
  for (const plugin of filters) {
    const filter = plugin.prepare(pod, snapshot);
    if (filter === undefined) continue;
    if ('whole' in filter || plugin.local !== true) return undefined;
    prepared.push(filter);
  }
  return prepared;
}

/** Counts a pod that was placed on the node. */
export function countPlaced(of: PodClass, table: NodeTable, pod: PodInfo, index: number): void {
  const [constraint] = of.spread;
  const isMatching =
    constraint && pod.namespace === of.pod.namespace && !pod.terminating && constraint.counts(pod.labels);
  if (isMatching) {
    add(of.matchingOn, index, 1);
    if (of.included?.(table.nodes[index] as NodeInfo) === true) add(of.matchingIn, table.zoneOf[index], 1);
  }
  settle(of, table, index);
}

/** Puts the node where its present state belongs. */
function settle(of: PodClass, { nodes, zoneOf }: NodeTable, index: number): void {
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

/** Takes the node out of its group. */
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

/** One of the nodes with the highest total, each with the same chance. */
export function drawNode(of: PodClass, rng: Rng): number | undefined {
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

/** The groups that have nodes, with their weighted score by the scorer PodTopologySpread. */
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
  // Without spreading all nodes are one group.
  const key = of.spread.length === 0 ? '' : `${zone}/${hasHostname}/${matching}`;
  let group = of.groups.get(key);
  if (!group) of.groups.set(key, (group = { zone, hasHostname, matching, byScore: [], best: -1, size: 0 }));
  return group;
}

function add(counts: number[], index: number | undefined, amount: number | undefined): void {
  if (index !== undefined) counts[index] = (counts[index] ?? 0) + (amount ?? 0);
}
