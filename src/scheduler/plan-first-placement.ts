/**
 * Whether the first pods of a cluster wait for nodes that are coming. Without a wait the node that
 * reports first gets all of them, and nothing moves them later. Pure.
 *
 * Only nodes without a verdict are waited for: expected ones that are absent, and registered ones
 * that have not said yet what they have. A node that says it is not ready is not waited for. The
 * wait has a bound, and a cluster runs through it once: afterwards a new node holds nobody.
 */
import type { Node } from '../schemas/types.ts';

export interface FirstPlacementInput {
  readonly nowMs: number;
  /** When this scheduler might first place a pod. */
  readonly startedAtMs: number;
  /** Nodes that this process starts itself; empty where nobody knows how many will come. */
  readonly expectedNodes: readonly string[];
  readonly nodes: readonly Node[];
  /** When the first and the newest node came, of those that came after the start. */
  readonly arrivals: { readonly firstMs: number; readonly lastMs: number } | undefined;
}

export interface FirstPlacement {
  /** `refuse`: the cluster has no node, which pods should say; the wait begins when one comes. */
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
  const type = nowMs < untilMs ? 'wait' : nodes.length === 0 ? 'refuse' : 'over';
  return { type, untilMs, missing };
}

/** Where the number of nodes is unknown, more may follow the first. */
const gatherMs = ({ expectedNodes, arrivals }: FirstPlacementInput): number =>
  expectedNodes.length === 0 && arrivals !== undefined ? GATHER_MS : 0;

const NOT_READY = 'node.kubernetes.io/not-ready';

/** Registered, and not yet able to take a pod: no resources, no addresses, or the taint of a newcomer. */
function isArriving({ spec, status }: Node): boolean {
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  if (ready !== undefined && ready.status !== 'True') return false;
  const takesPods = Number(status?.allocatable?.['pods'] ?? 0) > 0;
  return !takesPods || (spec.taints ?? []).some(({ key }) => key === NOT_READY);
}
