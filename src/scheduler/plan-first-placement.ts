/**
 * Whether the first pods of a cluster wait for nodes that are coming. Without a wait the first node
 * gets all of them, and nothing moves them later. Pure.
 *
 * Only nodes without a verdict are waited for: expected ones, and registered ones that have not
 * said what they have. The wait has a bound, and a cluster runs through it once.
 */
import type { Node } from '../schemas/types.ts';

export interface FirstPlacementInput {
  readonly nowMs: number;
  /** When this scheduler might first place a pod. */
  readonly startedAtMs: number;
  /** Nodes that this process starts itself; empty where nobody knows how many will come. */
  readonly expectedNodes: readonly string[];
  readonly nodes: readonly Node[];
  /** When the first and the latest node came, or came to take pods, after the start. */
  readonly arrivals: { readonly firstMs: number; readonly lastMs: number } | undefined;
}

export interface FirstPlacement {
  /** `refuse`: no node takes pods, which pods should say; the wait begins when one does. */
  readonly type: 'wait' | 'refuse' | 'over';
  /** When the wait ends, should nothing change. */
  readonly untilMs: number;
  /** Nodes that are waited for, or left out. */
  readonly missing: readonly string[];
}

/** A node is missed for this long after the last one came; a start takes one to three seconds. */
const PATIENCE_MS = 10_000;
/** Agents that a script starts on several hosts come within this time of each other. */
const GATHER_MS = 3_000;
/** However many nodes keep coming, the first pods wait no longer. */
const MAX_WAIT_MS = 60_000;

export function planFirstPlacement(input: FirstPlacementInput): FirstPlacement {
  const { nowMs, startedAtMs, expectedNodes, nodes, arrivals } = input;
  const present = new Set(nodes.map(({ metadata }) => metadata.name));
  const missing = [
    ...expectedNodes.filter((name) => !present.has(name)),
    ...nodes.filter(isArriving).map(({ metadata }) => metadata.name),
  ].sort();
  const patienceMs = missing.length > 0 || nodes.length === 0 ? PATIENCE_MS : gatherMs(input);
  const untilMs = Math.min(
    (arrivals?.lastMs ?? startedAtMs) + patienceMs,
    (arrivals?.firstMs ?? startedAtMs) + MAX_WAIT_MS,
  );
  const type = nowMs < untilMs ? 'wait' : nodes.some(takesPods) ? 'over' : 'refuse';
  return { type, untilMs, missing };
}

/** Where the number of nodes is unknown, or some are down, more may follow the first. */
function gatherMs({ expectedNodes, nodes, arrivals }: FirstPlacementInput): number {
  const able = nodes.filter(takesPods).map(({ metadata }) => metadata.name);
  const isComplete = expectedNodes.length > 0 && expectedNodes.every((name) => able.includes(name));
  return isComplete || able.length === 0 || arrivals === undefined ? 0 : GATHER_MS;
}

const NOT_READY = 'node.kubernetes.io/not-ready';

/** Undefined until the node has reported its resources. */
const isReady = ({ status }: Node): boolean | undefined => {
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  return ready && ready.status === 'True';
};

/** Whether the node has resources and addresses, and no taint of a newcomer. */
export function takesPods(node: Node): boolean {
  const { spec, status } = node;
  const isNew = (spec.taints ?? []).some(({ key }) => key === NOT_READY);
  return isReady(node) !== false && !isNew && Number(status?.allocatable?.['pods'] ?? 0) > 0;
}

/** Registered, but not able to take a pod yet, as far as the node has reported. */
const isArriving = (node: Node): boolean => isReady(node) !== false && !takesPods(node);
