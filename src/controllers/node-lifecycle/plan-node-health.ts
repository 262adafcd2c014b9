/**
 * Health of nodes: silence, the taints that follow, and the brakes; pure. A node is judged by how
 * long *we* have not seen it renew, never by its clock. INVARIANTS 10: no new eviction while most
 * nodes are unhealthy.
 */
import { toRfc3339 } from '../../base/clock.ts';
import type { Lease, Node, Taint } from '../../schemas/types.ts';

export const NOT_READY = 'node.kubernetes.io/not-ready';
export const UNREACHABLE = 'node.kubernetes.io/unreachable';
export const OUT_OF_SERVICE = 'node.kubernetes.io/out-of-service';

/** Taints of unhealthy nodes; evictions for them obey the brakes. */
export const HEALTH_TAINTS: ReadonlySet<string> = new Set([NOT_READY, UNREACHABLE]);

/** kube-controller-manager's --node-monitor-grace-period for agents that renew every ten seconds. */
export const LEASE_GRACE_MS = 40_000;
const MAX_MONITOR_PERIOD_MS = 5_000;
const MIN_MONITOR_PERIOD_MS = 100;

/** How often agents are asked for a sign of life, and nodes judged. */
export const monitorPeriodMs = (gracePeriodMs: number): number =>
  Math.min(MAX_MONITOR_PERIOD_MS, Math.max(MIN_MONITOR_PERIOD_MS, gracePeriodMs / 4));

/** The last signs of life of a node, and when they last moved, by our clock. */
export interface Sighting {
  /** When its agent was heard over a tunnel; absent: not in this term. */
  readonly heardAtMs?: number;
  readonly uid: string;
  readonly renewTime: string;
  readonly heartbeat: string;
  readonly atMs: number;
}

/** What a node and its Lease say. */
export interface Seen {
  readonly node: Node;
  readonly lease: Lease | undefined;
  readonly ownRenewal?: string | undefined;
}

/**
 * A change of the lease or the heartbeat is a sign of life; our own verdict is not, nor our own
 * renewal of the lease: it tells of a time at which the agent was heard.
 */
export function observe(
  previous: Sighting | undefined,
  { node, lease, ownRenewal }: Seen,
  nowMs: number,
): Sighting {
  const ready = readyCondition(node);
  const seen = {
    uid: node.metadata.uid ?? '',
    renewTime: lease?.spec.renewTime ?? '',
    heartbeat: (ready?.status === 'Unknown' ? previous?.heartbeat : ready?.lastHeartbeatTime) ?? '',
  };
  const silent =
    previous?.uid === seen.uid &&
    (previous.renewTime === seen.renewTime || ownRenewal === seen.renewTime) &&
    previous.heartbeat === seen.heartbeat;
  const heardAtMs = previous?.uid === seen.uid ? previous.heardAtMs : undefined;
  return { ...seen, atMs: silent ? previous.atMs : nowMs, ...(heardAtMs === undefined ? {} : { heardAtMs }) };
}

/** The signs of life, as if they had been later. None is in the future, also of a clock set back. */
export const laterBy = ({ heardAtMs, ...sighting }: Sighting, ms: number, nowMs: number): Sighting => ({
  ...sighting,
  atMs: Math.min(sighting.atMs + ms, nowMs),
  ...(heardAtMs === undefined ? {} : { heardAtMs: Math.min(heardAtMs + ms, nowMs) }),
});

/** When the node counts as lost. One that was heard over its tunnel is expected to be heard again. */
export function silentAtMs(
  { atMs, heardAtMs }: Sighting,
  limits: {
    readonly gracePeriodMs: number;
    readonly leaseGracePeriodMs: number;
    readonly couldHearSinceMs: number;
  },
): number {
  const lastMs = Math.max(atMs, heardAtMs ?? 0, limits.couldHearSinceMs);
  return lastMs + (heardAtMs === undefined ? limits.leaseGracePeriodMs : limits.gracePeriodMs);
}

type NodeCondition = NonNullable<NonNullable<Node['status']>['conditions']>[number];

export function readyCondition(node: Node): NodeCondition | undefined {
  return node.status?.conditions?.find(({ type }) => type === 'Ready');
}

export function isNodeReady(node: Node): boolean {
  return readyCondition(node)?.status === 'True';
}

const REPORTED_CONDITIONS = ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure'];

/** The node with what its agent reports marked unknown; undefined when it is so already. */
export function withUnknownConditions(node: Node, nowMs: number): Node | undefined {
  const now = toRfc3339(nowMs);
  const current = node.status?.conditions ?? [];
  const known = new Set(current.map(({ type }) => type));
  const changed = current.map((condition): NodeCondition => {
    if (!REPORTED_CONDITIONS.includes(condition.type) || condition.status === 'Unknown') return condition;
    return {
      ...condition,
      status: 'Unknown',
      reason: 'NodeStatusUnknown',
      message: 'Kubelet stopped posting node status.',
      lastTransitionTime: now,
    };
  });
  const missing = REPORTED_CONDITIONS.filter((type) => !known.has(type)).map(
    (type): NodeCondition => ({
      type,
      status: 'Unknown',
      reason: 'NodeStatusNeverUpdated',
      message: 'Kubelet never posted node status.',
      lastHeartbeatTime: node.metadata.creationTimestamp ?? now,
      lastTransitionTime: now,
    }),
  );
  if (missing.length === 0 && changed.every((condition, index) => condition === current[index]))
    return undefined;
  return { ...node, status: { ...node.status, conditions: [...changed, ...missing] } };
}

/** Conditions, the status that matters, and the key of the NoSchedule taint it makes. */
const CONDITION_TAINTS: readonly (readonly [string, string, string])[] = [
  ['Ready', 'False', NOT_READY],
  ['Ready', 'Unknown', UNREACHABLE],
  ['MemoryPressure', 'True', 'node.kubernetes.io/memory-pressure'],
  ['DiskPressure', 'True', 'node.kubernetes.io/disk-pressure'],
  ['NetworkUnavailable', 'True', 'node.kubernetes.io/network-unavailable'],
  ['PIDPressure', 'True', 'node.kubernetes.io/pid-pressure'],
];
const UNSCHEDULABLE = 'node.kubernetes.io/unschedulable';

/** The node with the taints that follow from its conditions; undefined when it has them. */
export function withHealthTaints(node: Node, mayEvict: boolean, nowMs: number): Node | undefined {
  const current = node.spec.taints ?? [];
  const ready = readyCondition(node);
  const wantedSchedule = new Set(
    CONDITION_TAINTS.filter(([type, status]) =>
      node.status?.conditions?.some((condition) => condition.type === type && condition.status === status),
    ).map(([, , key]) => key),
  );
  if (node.spec.unschedulable) wantedSchedule.add(UNSCHEDULABLE);
  // A node that has not said anything yet keeps the taint it was registered with.
  if (!ready) wantedSchedule.add(NOT_READY);
  const wantedExecute = new Set<string>();
  if (ready?.status === 'False') wantedExecute.add(NOT_READY);
  if (ready?.status === 'Unknown') wantedExecute.add(UNREACHABLE);

  const managed = new Set([...CONDITION_TAINTS.map(([, , key]) => key), UNSCHEDULABLE]);
  const isWanted = ({ key, effect }: Taint): boolean => {
    if (effect === 'NoSchedule' && managed.has(key)) return wantedSchedule.has(key);
    if (effect === 'NoExecute' && HEALTH_TAINTS.has(key)) return wantedExecute.has(key);
    return true;
  };
  const kept = current.filter(isWanted);
  const has = (key: string, effect: string): boolean =>
    kept.some((taint) => taint.key === key && taint.effect === effect);
  const timeAdded = toRfc3339(nowMs);
  const added: Taint[] = [];
  for (const key of wantedSchedule) {
    if (!has(key, 'NoSchedule')) added.push({ key, effect: 'NoSchedule', timeAdded });
  }
  for (const key of wantedExecute) {
    if (mayEvict && !has(key, 'NoExecute')) added.push({ key, effect: 'NoExecute', timeAdded });
  }
  if (added.length === 0 && kept.length === current.length) return undefined;
  const spec = { ...node.spec, taints: [...kept, ...added] };
  if (spec.taints.length === 0) delete (spec as Node['spec']).taints;
  return { ...node, spec };
}

/** kube-controller-manager's --unhealthy-zone-threshold. */
const UNHEALTHY_SHARE = 0.55;

/** Pods stay on unhealthy nodes while most nodes, or all, are unhealthy. */
export function mayEvictFrom(nodes: readonly Node[]): boolean {
  const unhealthy = nodes.filter((node) => readyCondition(node) !== undefined && !isNodeReady(node)).length;
  if (unhealthy === 0) return true;
  if (unhealthy === nodes.length) return false;
  return !(unhealthy > 2 && unhealthy / nodes.length >= UNHEALTHY_SHARE);
}
